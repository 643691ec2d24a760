"""Every equation of chapter 1 against the formula written out by hand."""

import numpy as np
import pandas as pd
import pytest

from serlib.errors import ProtocolError
from serlib.protocols.agreement import alpha_grades, alpha_votes, vote_counts
from serlib.protocols.effects import within_speaker


def alpha_by_pairs(units, distance):
    """Krippendorff's alpha from every pair of values, one after the other."""
    units = [unit for unit in units if len(unit) > 1]
    n = sum(len(unit) for unit in units)
    observed = 0.0
    for unit in units:
        pairs = [(i, j) for i in range(len(unit)) for j in range(len(unit)) if i != j]
        observed += sum(distance(unit[i], unit[j]) for i, j in pairs) / (len(unit) - 1)
    every = [value for unit in units for value in unit]
    expected = sum(distance(every[i], every[j]) for i in range(n) for j in range(n) if i != j) / (
        n - 1
    )
    return 1 - observed / expected


@pytest.fixture
def units():
    """Twelve clips with one to five votes each."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 4, rng.integers(1, 6)).tolist() for _ in range(12)]


def test_equation_1_1_alpha_of_votes(units):
    counts = np.array([np.bincount(unit, minlength=4) for unit in units])
    assert any(counts.sum(1) == 1)
    expected = alpha_by_pairs(units, lambda a, b: float(a != b))
    assert alpha_votes(counts) == pytest.approx(expected)
    assert alpha_votes(np.array([[3, 0], [0, 4]])) == 1


def test_equation_1_2_alpha_of_grades(units):
    mean, variance = (np.array([f(unit) for unit in units]) for f in (np.mean, np.var))
    expected = alpha_by_pairs(units, lambda a, b: float(a - b) ** 2)
    assert alpha_grades(mean, variance, [len(unit) for unit in units]) == pytest.approx(expected)


def test_equation_1_3_effect_within_speakers():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"speaker": rng.choice(list("abc"), 60), "emotion": rng.choice(["anger", "neutral"], 60)},
        index=[f"u{i}" for i in range(60)],
    )
    table.loc["alone"] = ["d", "anger"]  # a speaker without neutral clips has no effect
    table.loc["else"] = ["a", "fear"]
    x = pd.DataFrame({"f0": rng.normal(size=62) + (table["emotion"] == "anger")}, table.index)
    steps, squares, freedom = [], 0.0, 0
    for speaker in "abcd":
        means = {}
        for emotion in ("anger", "neutral"):
            own = x["f0"][(table["speaker"] == speaker) & (table["emotion"] == emotion)]
            if len(own):
                means[emotion] = sum(own) / len(own)
                squares += sum((own - means[emotion]) ** 2)
                freedom += len(own) - 1
        if len(means) == 2:
            steps.append(means["anger"] - means["neutral"])
    expected = np.array(steps) / np.sqrt(squares / freedom)
    (found,) = within_speaker(x, table, "anger").to_dict("records")
    assert found["value"] == pytest.approx(expected.mean())
    assert found["low"] < found["value"] < found["high"]
    assert found["same sign"] == np.mean(np.sign(expected) == np.sign(expected.mean()))
    assert (found["measure"], found["speakers"]) == ("f0", 3)


def test_alpha_is_zero_in_the_mean_for_votes_at_random():
    rng = np.random.default_rng(2)
    counts = rng.multinomial(5, [0.7, 0.2, 0.1], size=4000)
    assert alpha_votes(counts) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alpha_votes(np.eye(3)), "no clip has two votes"),
        (lambda: alpha_votes(np.array([[3, 0], [2, 0]])), "all votes are for one category"),
        (lambda: alpha_grades([1, 2], [0, 0], [1, 1]), "no clip has two grades"),
        (lambda: alpha_grades([2, 2], [0, 0], [3, 3]), "all grades are equal"),
    ],
)
def test_agreement_that_cannot_be_computed_is_refused(call, message):
    with pytest.raises(ProtocolError, match=message):
        call()


def test_an_effect_needs_two_speakers_with_both():
    table = pd.DataFrame({"speaker": ["a", "a", "b"], "emotion": ["anger", "neutral", "anger"]})
    with pytest.raises(ProtocolError, match="1 speakers have both"):
        within_speaker(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), table, "anger")


def test_votes_are_counted_and_missing_ones_left_out():
    votes = pd.Series([{"sadness": 2}, None, {"anger": 1, "sadness": 3}], index=list("abc"))
    counts = vote_counts(votes)
    assert counts.to_dict("index") == {
        "a": {"anger": 0, "sadness": 2},
        "c": {"anger": 1, "sadness": 3},
    }
