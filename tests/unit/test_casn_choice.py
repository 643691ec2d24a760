"""The forced choice: what it gives to noise, what it refuses, and what it cannot see."""

import numpy as np
import pytest

from serlib.errors import ProtocolError
from serlib.papers.casn import forced_choice
from serlib.papers.casn_choice import draw_triplets

EMOTIONS = np.array(["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"])


def test_noise_gets_half():
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(7), rng.choice(7, 6000, p=[0.83, *[0.17 / 6] * 6])])
    got = forced_choice(rng.normal(size=(len(labels), 16)), labels, 20_000, seed=0)
    assert got["macro_f1"] == pytest.approx(0.5, abs=0.015)
    assert got["micro_f1"] == pytest.approx(0.5, abs=0.015)
    assert got["mcc"] == pytest.approx(0.5 - 0.5 / 6, abs=0.015)


def test_it_does_not_see_the_imbalance():
    """The same vectors, with neutral ten times as often: the score stays where it was."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(7), 300)
    centres = rng.normal(size=(7, 8))

    def score(labels):
        vectors = centres[labels] + 1.5 * rng.normal(size=(len(labels), 8))
        return forced_choice(vectors, labels, 20_000, seed=0)["micro_f1"]

    assert score(np.concatenate([labels, np.zeros(2700, int)])) == pytest.approx(
        score(labels), abs=0.02
    )


def test_perfect_and_equal_vectors():
    labels = np.repeat(np.arange(7), 5)
    assert forced_choice(np.eye(7)[labels], labels, 500, 0) == {
        "macro_f1": 1.0,
        "micro_f1": 1.0,
        "mcc": 1.0,
    }
    # A tie counts as right: a space that has collapsed to a point scores 100 %.
    assert forced_choice(np.ones((35, 3)), labels, 500, 0)["micro_f1"] == 1.0


def test_names_and_numbers_are_the_same():
    rng = np.random.default_rng(2)
    labels = np.sort(rng.integers(7, size=400))
    vectors, order = rng.normal(size=(400, 4)), np.argsort(EMOTIONS)
    by_number = forced_choice(vectors, labels, 4000, seed=5)
    by_name = forced_choice(vectors, EMOTIONS[labels], 4000, seed=5)
    assert by_name == pytest.approx(by_number, abs=0.03)  # other draws, since names sort otherwise
    assert forced_choice(vectors, np.argsort(order)[labels], 4000, seed=5)["mcc"] == by_name["mcc"]


def test_the_seed_decides():
    rng = np.random.default_rng(3)
    vectors, labels = rng.normal(size=(70, 4)), np.repeat(np.arange(7), 10)
    a, b, c = (forced_choice(vectors, labels, 200, seed) for seed in (0, 0, 1))
    assert a == b != c


def test_triplets_are_what_they_say():
    rng = np.random.default_rng(4)
    codes = rng.permutation(np.repeat([0, 1, 2], [500, 20, 2]))
    anchor, positive, negative = draw_triplets(codes, 30_000, rng)
    assert (codes[anchor] == codes[positive]).all() and (anchor != positive).all()
    assert (codes[anchor] != codes[negative]).all()
    np.testing.assert_allclose(np.bincount(codes[anchor]) / 30_000, 1 / 3, atol=0.02)
    np.testing.assert_allclose(np.bincount(codes[negative]) / 30_000, 1 / 3, atol=0.02)
    assert set(np.flatnonzero(codes == 1)) <= set(anchor) & set(positive) & set(negative)


@pytest.mark.parametrize(
    ("embeddings", "labels", "match"),
    [
        (np.ones((5, 2)), [0, 0, 1, 1], r"\(5, 2\) and labels \(4,\)"),
        (np.ones(4), [0, 0, 1, 1], r"\(4,\)"),
        (np.ones((5, 2)), ["anger", "anger", "fear", "neutral", "neutral"], "fear has 1"),
        (np.ones((4, 2)), [1, 1, 1, 1], "1 class: a triplet needs two"),
        (np.array([[1, 1], [1, np.nan], [1, 1], [1, 1]]), [0, 0, 1, 1], "first is row 1"),
    ],
)
def test_bad_input_gets_one_line(embeddings, labels, match):
    with pytest.raises(ProtocolError, match=match):
        forced_choice(embeddings, np.array(labels), 10, 0)


def test_no_triplets_is_an_error():
    with pytest.raises(ProtocolError, match="n_triplets=0"):
        forced_choice(np.ones((4, 2)), np.array([0, 0, 1, 1]), 0, 0)
