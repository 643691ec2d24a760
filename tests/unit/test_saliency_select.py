"""Selections and projections: what they keep, on which part they are fitted."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from serlib.errors import ProtocolError
from serlib.papers import saliency_select
from serlib.papers.saliency_select import METHODS, kept, one_hot, rank, time_means

NAMES = [f"u{i}" for i in range(60)]


@pytest.fixture
def data():
    """Sixty utterances; dimension 3 carries the first target, 5 the second, 7 is constant."""
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(60, 2)).astype("f4")
    features = {}
    for name, target in zip(NAMES, targets, strict=True):
        frames = rng.normal(size=(rng.integers(5, 30), 10)).astype("f4") * np.linspace(1, 3, 10)
        frames[:, 3] += 3 * target[0]
        frames[:, 5] += 3 * target[1]
        frames[:, 7] = 0.1
        features[name] = frames.astype("f4")
    return features, targets


@pytest.mark.parametrize(
    ("share", "count"), [(1.0, 1024), (0.6, 614), (0.5, 512), (0.2, 205), (1e-9, 1)]
)
def test_kept(share, count):
    assert kept(1024, share) == count


@pytest.mark.parametrize("share", [0, -0.2, 1.01, 60, float("nan")])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(ProtocolError, match="above 0 and at most 1"):
        kept(100, share)


@pytest.mark.parametrize("method", ["ccs", "ccs-redundancy", "mis"])
def test_the_salient_dimensions_are_kept(data, method):
    features, targets = data
    reduction = rank(method, features, NAMES, targets).keep(0.2)
    np.testing.assert_array_equal(reduction.dims, [3, 5])
    frames = np.concatenate([features[u] for u in NAMES])
    z = (frames - frames.mean(0)) / frames.std(0).clip(1e-9)
    first, second = len(features["u0"]), len(features["u0"]) + len(features["u1"])
    np.testing.assert_allclose(reduction(features["u1"]), z[first:second, [3, 5]], atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_but_the_training_part_is_looked_at(data, method):
    features, targets = data
    before = rank(method, features, NAMES[:40], targets[:40], seed=1).keep(0.5)
    for name in NAMES[40:]:
        features[name] = features[name] * 100
    after = rank(method, features, NAMES[:40], targets[:40], seed=1).keep(0.5)
    np.testing.assert_array_equal(before(features["u0"]), after(features["u0"]))
    assert before(features["u0"]).shape == (len(features["u0"]), 5) and before.size == 5


@pytest.mark.parametrize("method", METHODS)
def test_all_dimensions(data, method):
    features, targets = data
    reduced = rank(method, features, NAMES, targets).keep(1.0)(features["u2"])
    assert reduced.shape == features["u2"].shape and reduced.dtype == np.float32
    assert np.isfinite(reduced).all()


def test_components_are_those_of_scikit_learn(data):
    features, targets = data
    frames = np.concatenate([features[u] for u in NAMES]).astype(float)
    z = (frames - frames.mean(0)) / np.where(frames.std(0) < 1e-6, 1, frames.std(0))
    for method, rows in [("pca", z), ("pca-means", None)]:
        if rows is None:
            means = time_means(features, NAMES)
            rows = (means - frames.mean(0)) / np.where(frames.std(0) < 1e-6, 1, frames.std(0))
        ours = rank(method, features, NAMES, targets).keep(0.4).components
        theirs = PCA(4).fit(rows).components_.T
        np.testing.assert_allclose(np.abs(np.sum(ours * theirs, 0)), 1, atol=1e-3)


def test_random_depends_on_the_seed_alone(data):
    features, targets = data
    draws = [rank("random", features, NAMES, targets, seed=s).keep(0.5).dims for s in (0, 0, 1)]
    assert (draws[0] == draws[1]).all() and (draws[0] != draws[2]).any()


def test_selections_are_nested_and_blocks_change_nothing(data, monkeypatch):
    features, targets = data
    ranking = rank("ccs", features, NAMES, targets)
    small, large = (set(ranking.keep(share).dims) for share in (0.3, 0.6))
    assert small < large
    monkeypatch.setattr(saliency_select, "BLOCK", 64)
    again = rank("ccs", features, NAMES, targets)
    np.testing.assert_allclose(again.mean, ranking.mean, rtol=1e-6)
    np.testing.assert_array_equal(again.order, ranking.order)


@pytest.mark.parametrize("method", ["anova", "mis", "ccs"])
def test_classes_are_ranked_too(data, method):
    features, targets = data
    classes = np.where(targets[:, 0] > 0, "high", "low")
    assert list(rank(method, features, NAMES, classes).keep(0.1).dims) == [3]
    np.testing.assert_array_equal(one_hot(["b", "a", "b"]), [[0, 1], [1, 0], [0, 1]])


def test_an_unknown_method_is_named(data):
    features, targets = data
    with pytest.raises(ProtocolError, match="'anova': unknown for these targets; use one of ccs"):
        rank("anova", features, NAMES, targets)
