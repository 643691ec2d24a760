"""Scores of saliency: what they find, what they ignore, what they refuse."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification

from serlib.errors import ProtocolError
from serlib.papers.saliency import BLOCK, anova, ccs, mis, standardise, statistics


@pytest.fixture
def data():
    """Three hundred utterances: dimension 2 is the target, 4 its square, 5 constant, rest noise."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 6)).astype("f4")
    target = features[:, 2] + 0.3 * rng.normal(size=300)
    features[:, 4] = target**2
    features[:, 5] = 0.1  # not a number that binary has exactly
    return features, target


def test_correlation_sees_the_line_and_information_the_curve_too(data):
    features, target = data
    line, curve = ccs(features, target), mis(features, target)
    assert line.argmax() == 2 and line[4] < 0.3
    assert set(np.argsort(-curve)[:2]) == {2, 4}


@pytest.mark.parametrize("score", [ccs, mis, lambda x, y: ccs(x, y, redundancy=True)])
def test_a_constant_dimension_has_no_saliency(data, score):
    features, target = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score(features, target)
    assert scores[5] == 0 and np.isfinite(scores).all() and (scores >= 0).all()


def test_a_constant_target_tells_nothing(data):
    features, target = data
    both = np.stack([target, np.full(300, 3.3)], 1)
    for score in (ccs, mis):
        with pytest.warns(UserWarning, match="target 1 is constant"):
            np.testing.assert_allclose(
                score(features, both), score(features, target) / 2, rtol=1e-5
            )


def test_scale_shift_and_blocks_change_nothing():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(2 * BLOCK + 100, 5))
    targets = features @ rng.normal(size=(5, 2)) + rng.normal(size=(len(features), 2))
    expected = np.abs(np.corrcoef(features.T, targets.T)[:5, 5:]).mean(1)
    np.testing.assert_allclose(ccs(features, targets), expected, atol=1e-10)
    moved = features * [1e-3, 1, -1, 1e4, 1] + [1e3, 0, 0, 0, -5]
    np.testing.assert_allclose(ccs(moved, targets), expected, atol=1e-8)
    whole, single = (ccs(x, targets, redundancy=True) for x in (features, features.astype("f4")))
    np.testing.assert_allclose(whole, single, atol=1e-5)


def test_redundancy_raises_what_agrees_with_the_relevant():
    """The second term rewards a dimension for its relevant neighbours; it does not punish."""
    rng = np.random.default_rng(2)
    target = rng.normal(size=500)
    relevant = target + rng.normal(size=500)
    features = np.stack([relevant, relevant + 0.1 * rng.normal(size=500), rng.normal(size=500)], 1)
    gain = ccs(features, target, redundancy=True) - ccs(features, target)
    assert gain[0] > 0.3 and gain[2] < 0.1


def test_one_dimension_has_no_neighbours(data):
    features, target = data
    one = features[:, [2]]
    np.testing.assert_allclose(ccs(one, target, redundancy=True), ccs(one, target))


def test_classes():
    features, classes = make_classification(400, 8, n_informative=3, n_redundant=0, random_state=0)
    names = np.array(["calm", "loud"])[classes]
    shuffled = np.random.default_rng(0).permutation(names)
    for score in (anova, mis):
        assert score(features, names).max() > 3 * score(features, shuffled).max()
    features[:, 0] = 7
    assert anova(features, names)[0] == 0 and mis(features, names)[0] == 0


def test_mutual_information_needs_more_utterances_than_neighbours(data):
    features, target = data
    with pytest.raises(ProtocolError, match="3 utterances for 3 neighbours"):
        mis(features[:3], target[:3])
    assert np.isfinite(mis(features[:4], target[:4])).all()


@pytest.mark.parametrize("score", [ccs, mis])
def test_what_is_refused(data, score):
    features, target = data
    broken = features.copy()
    broken[7, 3] = np.nan
    with pytest.raises(ProtocolError, match="NaN or infinity in the features"):
        score(broken, target)
    with pytest.raises(ProtocolError, match="infinity in the targets"):
        score(features, np.where(np.arange(300) == 5, np.inf, target))
    with pytest.raises(ProtocolError, match=r"features \(300, 6\) and targets \(299, 1\)"):
        score(features, target[:-1])
    with pytest.raises(ProtocolError, match="two or more utterances"):
        score(features[:1], target[:1])


def test_statistics_of_far_away_values():
    values = 1e6 + np.random.default_rng(3).normal(size=(5000, 2))
    mean, std = statistics([values[:3000], values[3000:]])
    np.testing.assert_allclose(mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(std, values.std(0), rtol=1e-6)
    z = standardise(values, mean, std)
    np.testing.assert_allclose([z.mean(0), z.std(0)], [[0, 0], [1, 1]], atol=1e-6)
