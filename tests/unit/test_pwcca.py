"""PWCCA: identities, invariances, its floor, and what it must refuse."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from serlib.errors import ProtocolError
from serlib.protocols import pwcca, pwcca_floor


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def related(rng):
    """Two views with a common part, of unequal width and with unequal columns."""
    common = rng.normal(size=(300, 4))
    x = np.hstack([common * [5, 1, 1, 0.1], rng.normal(size=(300, 2)) * [3, 0.2]])
    y = common @ rng.normal(size=(4, 4)) + rng.normal(size=(300, 4))
    return x, y


def test_an_invertible_map_of_itself_is_one(rng):
    x = rng.normal(size=(200, 10)) * np.logspace(-3, 3, 10)
    assert pwcca(x, x @ rng.normal(size=(10, 10)) + 7) == pytest.approx(1, abs=1e-9)


def test_single_precision_is_no_direction_of_its_own(rng):
    x = rng.normal(size=(200, 8)).astype("f4")
    same = np.hstack([x, x[:, :1] / 3 + x[:, 1:2] / 7])  # a ninth column of rank 0
    other = rng.normal(size=(200, 8))
    assert pwcca(other, same) == pytest.approx(pwcca(other, x), abs=1e-5)


def test_affine_maps_of_y_and_the_scale_of_x_change_nothing(related, rng):
    x, y = related
    value = pwcca(x, y)
    assert pwcca(x, y @ rng.normal(size=(4, 4)) - 3) == pytest.approx(value, abs=1e-9)
    assert pwcca(100 * x + 5, y) == pytest.approx(value, abs=1e-9)


def test_the_first_representation_weighs(related, rng):
    x, y = related
    assert abs(pwcca(x, y) - pwcca(y, x)) > 0.02
    wide = np.hstack([y, rng.normal(size=(300, 2))])  # so that no direction of x is left out
    # Drowning what is common in x's own noise makes x less like y, and y no less like x.
    drowned = x * [1, 1, 1, 1, 100, 1]
    assert pwcca(drowned, wide) < pwcca(x, wide) - 0.1
    assert pwcca(wide, drowned) == pytest.approx(pwcca(wide, x), abs=1e-9)


@pytest.mark.parametrize("swapped", [False, True])
def test_as_scikit_learn_and_the_definition(related, swapped):
    x, y = related[::-1] if swapped else related
    fitted = CCA(n_components=4, scale=False, tol=1e-12, max_iter=100_000).fit(x, y)
    h, other = fitted.transform(x, y)
    correlations = [np.corrcoef(h[:, i], other[:, i])[0, 1] for i in range(4)]
    h = h / np.linalg.norm(h, axis=0)
    weights = [sum(abs(h[:, i] @ x[:, j]) for j in range(x.shape[1])) for i in range(4)]
    expected = np.dot(weights, correlations) / np.sum(weights)
    assert pwcca(x, y) == pytest.approx(expected, abs=1e-6)


def test_the_trap_of_the_reference_code_would_be_seen(related):
    """google/svcca applies y's coefficients to x where y is the narrower side."""
    x, y = related[0][:, :4], related[1]
    fitted = CCA(n_components=4, scale=False, tol=1e-12, max_iter=100_000).fit(x, y)
    h, other = fitted.transform(x, y)
    correlations = np.array([np.corrcoef(h[:, i], other[:, i])[0, 1] for i in range(4)])
    wrong, _ = np.linalg.qr((x - x.mean(0)) @ fitted.y_rotations_)
    trapped = np.average(correlations, weights=np.abs(wrong.T @ x).sum(1))
    assert abs(pwcca(x, y) - trapped) > 0.02


def test_one_column_against_noise_is_the_multiple_correlation(rng):
    """E[R²] of a column on q independent columns of normal noise is q / (n − 1)."""
    squares = [pwcca(rng.normal(size=(60, 1)), rng.normal(size=(60, 9))) ** 2 for _ in range(400)]
    assert np.mean(squares) == pytest.approx(9 / 59, abs=3 * np.std(squares) / 20)


def test_noise_lies_at_its_floor(rng):
    x, y = rng.normal(size=(150, 20)), rng.normal(size=(150, 30))
    floor = pwcca_floor(x, y)
    assert pwcca(x, y) == pytest.approx(floor, abs=0.04) and floor > 0.3
    # Σρ² over the 20 directions is 20·30/149 on average; the mean ρ is below its root.
    assert 0.8 * np.sqrt(30 / 149) < floor < np.sqrt(30 / 149)
    more = pwcca_floor(rng.normal(size=(3000, 20)), rng.normal(size=(3000, 30)))
    assert more < 0.11


def test_the_floor_forgets_what_is_common(related):
    x, y = related
    assert pwcca_floor(x, y) < 0.2 < pwcca(x, y) - 0.3
    assert pwcca_floor(x, y, seed=1) != pwcca_floor(x, y) == pwcca_floor(x, y)


def test_constant_and_repeated_columns_add_nothing(related):
    x, y = related
    doubled = np.hstack([y, y[:, :2], np.full((300, 1), 0.1)])
    assert pwcca(x, doubled) == pytest.approx(pwcca(x, y), abs=1e-9)
    assert pwcca(np.hstack([x, np.full((300, 1), 1e6)]), y) == pytest.approx(pwcca(x, y), abs=1e-7)


def test_components_cut_both_sides(related, rng):
    x, y = related
    cut = [
        (s - s.mean(0)) @ np.linalg.svd(s - s.mean(0), full_matrices=False)[2][:2].T @ turn.T
        for s, turn in zip((x, y), rng.normal(size=(2, 5, 2)), strict=True)
    ]
    # x weighs by its own columns, so only y may be replaced by a turned copy of its components.
    assert pwcca(x, cut[1], components=2) == pytest.approx(pwcca(x, y, components=2), abs=1e-9)
    assert pwcca(x, y, components=2) != pytest.approx(pwcca(x, y), abs=1e-3)
    few = rng.normal(size=(30, 40))
    assert pwcca(few, few @ rng.normal(size=(40, 40)), components=5) < 1


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (np.ones((5, 2)), np.ones((6, 2)), "align them by utterance"),
        (np.ones(5), np.ones(5), "samples, dims"),
        (np.array([[1.0, np.nan]] * 9), np.eye(9, 2), "NaN or infinity in x"),
        (np.eye(9, 2), np.array([[1.0], [np.inf]] + [[0.0]] * 7), "NaN or infinity in y"),
        (np.eye(9, 2), np.full((9, 3), 0.1), "y is the same for all"),
        (np.random.default_rng(0).normal(size=(10, 12)), np.eye(10, 2), "components ≤ 4"),
        (np.random.default_rng(0).normal(size=(10, 6)), np.eye(10, 4), "10 samples for ranks 6"),
    ],
)
def test_bad_input_is_one_clear_line(x, y, says):
    with pytest.raises(ProtocolError, match=says) as caught:
        pwcca(x, y)
    assert "\n" not in str(caught.value)
    with pytest.raises(ProtocolError, match=says):
        pwcca_floor(x, y)


def test_components_below_one(related):
    with pytest.raises(ProtocolError, match="keep at least 1"):
        pwcca(*related, components=0)
