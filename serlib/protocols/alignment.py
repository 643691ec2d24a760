"""How alike two representations of the same utterances are: projection weighted CCA (PWCCA)."""

import numpy as np

from serlib.errors import ProtocolError


def pwcca(x, y, components: int | None = None) -> float:
    """Projection weighted canonical correlation of two representations, between 0 and 1.

    Equation: 5.4, the mean of ρ_i weighted by w_i = Σ_j abs⟨h_i, x_j⟩, with ρ_i = canonical
    correlations, h_i = the canonical variables of x (centred, of length 1), x_j = the columns of
    x, and i = 1 … min(rank x, rank y).

    Directions that carry much of x count much, so ``pwcca(x, y)`` and ``pwcca(y, x)`` differ. Any
    invertible affine map of y leaves it the same. Columns that are constant or repeat others add
    nothing to the rank. If y has the lower rank, x's directions without a partner are left out,
    as in the definition: a narrow y can look alike; read both directions.

    Args:
        x: first representation, (samples, dims of x), whose directions weigh.
        y: second one of the same samples in the same order, (samples, dims of y).
        components: if given, each side is first cut to as many leading principal components (as
            in SVCCA, Raghu et al. 2017). Needed when there are few samples.

    Raises:
        ProtocolError: not two tables of equally many samples; NaN or infinity; a side without
            variation; or ranks of x and y that together reach the number of samples, since some
            correlations are then 1 whatever the data (all of them if samples ≤ dims).

    Source: Morcos, Raghu & Bengio (2018), sections 2 and 3, arXiv 1806.05759.
    """
    x, basis_x, basis_y = _bases(x, y, components)
    return _weighted(x, basis_x, basis_y)


def pwcca_floor(x, y, components: int | None = None, draws: int = 20, seed: int = 0) -> float:
    """Mean PWCCA after shuffling y's samples: what unrelated representations would reach.

    CCA always finds some correlation in few samples; a value says nothing without this one.

    Args:
        x: as `pwcca`.
        y: as `pwcca`.
        components: as `pwcca`.
        draws: how many shuffles.
        seed: of the shuffles.
    """
    x, basis_x, basis_y = _bases(x, y, components)
    rng = np.random.default_rng(seed)
    shuffled = (rng.permutation(len(x)) for _ in range(draws))
    return float(np.mean([_weighted(x, basis_x, basis_y[order]) for order in shuffled]))


def _weighted(x: np.ndarray, basis_x: np.ndarray, basis_y: np.ndarray) -> float:
    """PWCCA from x and orthonormal bases of both sides' centred columns."""
    turn, correlations, _ = np.linalg.svd(basis_x.T @ basis_y, full_matrices=False)
    directions = basis_x @ turn  # h_i, of x alone: (samples, min of both ranks)
    weights = np.abs(directions.T @ x).sum(axis=1)
    return float(np.average(correlations.clip(0, 1), weights=weights))


def _bases(x, y, components: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first side, and orthonormal bases of both, checked."""
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ProtocolError(
            f"pwcca: x {x.shape} and y {y.shape} must both be (samples, dims) with the same "
            "samples; align them by utterance"
        )
    if components is not None and components < 1:
        raise ProtocolError(f"pwcca: components={components}; keep at least 1")
    basis_x, basis_y = (_basis(side, name)[:, :components] for side, name in ((x, "x"), (y, "y")))
    ranks = (basis_x.shape[1], basis_y.shape[1])
    if sum(ranks) >= len(x):
        raise ProtocolError(
            f"pwcca: {len(x)} samples for ranks {ranks[0]} and {ranks[1]} make correlations of 1 "
            f"by construction; give more samples, or components ≤ {(len(x) - 1) // 2}"
        )
    return x.astype(float), basis_x, basis_y


def _basis(side: np.ndarray, name: str) -> np.ndarray:
    """Orthonormal basis of the centred columns, most variance first."""
    if not np.isfinite(side).all():
        raise ProtocolError(f"pwcca: NaN or infinity in {name}; leave those samples out")
    # Rounding of the given precision must not pass for a direction of its own.
    precision = np.finfo(side.dtype if np.issubdtype(side.dtype, np.floating) else float).eps
    centred = np.where(np.ptp(side, axis=0) == 0, 0.0, side - side.mean(axis=0, dtype=float))
    basis, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    if not sizes.any():
        raise ProtocolError(f"pwcca: {name} is the same for all samples; nothing can correlate")
    return basis[:, sizes > sizes[0] * precision * max(side.shape)]
