"""Linear probes read what is there, and nothing where there is nothing."""

import numpy as np
import pytest

from serlib.protocols.probes import probe

RNG = np.random.default_rng(0)


def test_a_category_that_is_there():
    y = RNG.choice(["a", "b", "c", "d"], 800)
    x = np.eye(4)[["abcd".index(v) for v in y]] * 6 + RNG.normal(size=(800, 4))
    got = probe(x[:400], y[:400], x[400:], y[400:])
    assert got["score"] > 0.97 and got["chance"] == 0.25 and got["utterances"] == 400
    assert 1.7 < got["bits"] <= 2.0  # four equally likely classes hold two bits


def test_a_category_that_is_not_there():
    y, x = RNG.choice(["a", "b"], 800), RNG.normal(size=(800, 4))
    got = probe(x[:400], y[:400], x[400:], y[400:])
    assert abs(got["score"] - 0.5) < 0.08 and got["bits"] < 0.02


def test_the_score_is_the_mean_recall_not_the_accuracy():
    x = np.r_[np.zeros(90), np.ones(10)][:, None]
    y = np.array(["a"] * 90 + ["b"] * 10)
    test_y = np.array(["a"] * 90 + ["b"] * 5 + ["a"] * 5)  # a is read in 90 of 95, b in 5 of 5
    assert probe(x, y, x, test_y)["score"] == pytest.approx((90 / 95 + 1) / 2)


def test_a_rare_category_is_not_given_up():
    """Of two overlapping classes, one of them rare, the reader must not always say the other."""
    y = np.array(["a"] * 950 + ["b"] * 50)
    x = RNG.normal(size=(1000, 1)) + 1.5 * (y == "b")[:, None]
    assert probe(x[::2], y[::2], x[1::2], y[1::2])["score"] > 0.7


def test_a_number():
    x = RNG.normal(size=(2000, 3))
    y = x[:, 0] + RNG.normal(size=2000)  # R² = 1/2, so half a bit
    got = probe(x[:1000], y[:1000], x[1000:], y[1000:])
    assert got["score"] == pytest.approx(0.5, abs=0.06)
    assert got["bits"] == pytest.approx(0.5, abs=0.1)
    nothing = probe(x[:1000], RNG.normal(size=1000), x[1000:], RNG.normal(size=1000))
    assert nothing["score"] < 0.01 and nothing["chance"] == 0


def test_a_category_never_seen_is_left_out():
    x = np.r_[np.zeros(20), np.ones(20)][:, None]
    y = np.array(["a"] * 20 + ["b"] * 20)
    got = probe(x, y, np.r_[x, x], np.r_[y, np.array(["z"] * 40)])
    assert got["utterances"] == 40 and got["score"] == 1


def test_the_scale_of_the_input_does_not_matter():
    y = RNG.choice(["a", "b"], 200)
    x = RNG.normal(size=(200, 2)) + (y == "a")[:, None]
    constant = np.c_[x, np.ones(200)]
    a = probe(x[:100], y[:100], x[100:], y[100:])
    b = probe(constant[:100] * 1000, y[:100], constant[100:] * 1000, y[100:])
    assert a["score"] == b["score"] and a["bits"] == pytest.approx(b["bits"], abs=1e-6)
