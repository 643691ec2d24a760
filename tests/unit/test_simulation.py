"""Coverage, power, variance components and many tests, where the truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from serlib.errors import ProtocolError
from serlib.protocols import bootstrap, components, coverage, design_effect, holm, paired, power


def test_both_intervals_cover_where_speakers_are_alike():
    found = coverage(0.0, runs=2000)
    assert found["independent"] == pytest.approx(0.95, abs=0.02)
    assert found["clustered"] == pytest.approx(0.95, abs=0.03)


def test_only_the_clustered_one_covers_where_speakers_differ():
    """The independent one as the design effect says: it is too short by its square root."""
    spread, size = 0.12, 50
    found = coverage(spread, utterances=size, runs=2000)
    effect = design_effect(spread**2 / (0.7 * 0.3), size)
    expected = 2 * norm.cdf(1.96 / np.sqrt(effect)) - 1
    assert found["independent"] == pytest.approx(expected, abs=0.04)
    assert found["clustered"] > 0.92
    assert found["clustered width"] > 1.8 * found["independent width"]


def test_the_simulated_clustered_interval_is_the_librarys():
    """One simulated experiment, scored by `bootstrap`."""
    rng = np.random.default_rng(0)
    chance = rng.beta(3, 2, 10)
    hit = rng.random((10, 40)) < chance[:, None]
    frame = pd.DataFrame({"prediction": hit.ravel().astype(float), "truth": 0.0})
    frame["speaker"] = np.repeat(np.arange(10), 40)
    found = bootstrap(frame, lambda _, prediction: prediction.mean(), n=4000)
    spread = hit.mean(1).std(ddof=1)
    many = coverage(spread, 10, 40, accuracy=hit.mean(), runs=300)
    assert found.high - found.low == pytest.approx(many["clustered width"], rel=0.2)


def test_power_is_what_the_normal_formula_says():
    expected = norm.cdf(0.03 * np.sqrt(40) / 0.06 - 1.96)
    assert power(0.03, 0.06, 40) == pytest.approx(expected, abs=0.05)
    assert power(0.0, 0.06, 40) == pytest.approx(0.05, abs=0.025)
    assert power(0.5, 0.01, 5) == 0  # 2/2^5 > 0.05


def test_powers_test_is_that_of_paired():
    """One drawn experiment: the share of flips, by the library's test on the same differences."""
    drawn = np.random.default_rng(0).normal(0.03, 0.06, (1, 8))[0]
    a = pd.DataFrame(
        {"prediction": drawn, "truth": 0.0, "speaker": range(8), "utterance": range(8)}
    )
    p = paired(a, a.assign(prediction=0.0), lambda _, prediction: prediction.mean()).p
    assert power(0.03, 0.06, 8, runs=1, level=p + 1e-9) == 1
    assert power(0.03, 0.06, 8, runs=1, level=p) == 0


def test_components_find_what_was_put_in():
    rng = np.random.default_rng(0)
    speaker = np.repeat(np.arange(400), 20)
    score = 0.3 + rng.normal(0, 0.5, 400)[speaker] + rng.normal(0, 1.0, 8000)
    found = components(score, speaker)
    assert (found.mean, found.between) == (pytest.approx(0.3, abs=0.1), pytest.approx(0.5, rel=0.1))
    assert found.within == pytest.approx(1.0, rel=0.03)
    assert found.correlation == pytest.approx(0.2, abs=0.04)
    assert found.low < np.sqrt(0.25 + 1 / 20) < found.high


def test_the_interval_of_a_spread_covers():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        speaker = np.repeat(np.arange(10), 30)
        found = components(rng.normal(0, 0.2, 10)[speaker] + rng.normal(0, 0.5, 300), speaker)
        inside += found.low <= np.sqrt(0.04 + 0.25 / 30) <= found.high
    assert inside / 200 == pytest.approx(0.95, abs=0.04)


def test_no_spread_beyond_chance_is_none():
    found = components([0, 1, 0, 1], ["a", "a", "b", "b"])
    assert (found.spread, found.between, found.correlation) == (0, 0, 0)


def test_holm_keeps_all_tests_together_at_one_in_twenty():
    p = np.random.default_rng(0).random((2000, 20))
    assert (p.min(1) < 0.05).mean() > 0.6
    assert np.mean([holm(one).min() < 0.05 for one in p]) == pytest.approx(0.05, abs=0.015)
    assert holm([0.2]) == [0.2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: holm([]), "one or more"),
        (lambda: holm([0.5, 1.5]), r"in \[0, 1\]"),
        (lambda: holm([np.nan]), r"in \[0, 1\]"),
        (lambda: coverage(0.5), "a spread below"),
        (lambda: components([1, 2], ["a", "b"]), "the least with 1 utterances"),
        (lambda: components([1, 2], ["a", "a"]), "1 speakers"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ProtocolError, match=message):
        call()
