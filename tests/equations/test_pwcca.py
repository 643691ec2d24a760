"""Chapter 5's PWCCA against the formula written out by hand in NumPy."""

import numpy as np

from serlib.protocols import pwcca


def test_equation_5_4_pwcca():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 5)) * [4, 1, 2, 0.5, 1]
    y = x[:, :3] @ rng.normal(size=(3, 4)) + rng.normal(size=(80, 4))
    a, b = x - x.mean(0), y - y.mean(0)
    # The other road to CCA: ρ² and x's coefficients are eigenvalues and -vectors of
    # (AᵀA)⁻¹ AᵀB (BᵀB)⁻¹ BᵀA.
    left, right = np.linalg.inv(a.T @ a) @ a.T @ b, np.linalg.inv(b.T @ b) @ b.T @ a
    squares, coefficients = np.linalg.eig(left @ right)
    best = np.argsort(-squares.real)[:4]
    total = weighted = 0.0
    for i in best:
        h = a @ coefficients[:, i].real
        h = h / np.sqrt((h**2).sum())
        weight = sum(abs((h * x[:, j]).sum()) for j in range(5))
        total += weight
        weighted += weight * np.sqrt(squares[i].real)
    np.testing.assert_allclose(pwcca(x, y), weighted / total, atol=1e-10)
