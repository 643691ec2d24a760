"""Chapter 3's equations: each function against the formula written out in NumPy."""

from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from serlib import protocols

LABELS = ["anger", "happiness", "neutral"]


@pytest.fixture
def frames():
    """Two systems' predictions for the same 60 utterances of five speakers."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"truth": np.resize(LABELS, 60), "utterance": np.arange(60)})
    frame["speaker"] = np.repeat(list("abcde"), 12)
    pair = []
    for accuracy in (0.7, 0.4):
        right = rng.random(60) < accuracy
        guess = rng.choice(LABELS, 60)
        pair.append(frame.assign(prediction=np.where(right, frame["truth"], guess)))
    return pair


def test_equation_3_1_uar(frames):
    truth, prediction = (frames[0][c].to_numpy() for c in ("truth", "prediction"))
    recalls = [((truth == k) & (prediction == k)).sum() / (truth == k).sum() for k in LABELS]
    assert protocols.uar(truth, prediction, LABELS) == pytest.approx(sum(recalls) / 3)


def test_equation_3_2_f1(frames):
    truth, prediction = (frames[0][c].to_numpy() for c in ("truth", "prediction"))
    hit = np.array([((truth == k) & (prediction == k)).sum() for k in LABELS])
    false = np.array([((truth != k) & (prediction == k)).sum() for k in LABELS])
    missed = np.array([((truth == k) & (prediction != k)).sum() for k in LABELS])
    found = partial(protocols.f1, truth, prediction, LABELS)
    assert found(average="macro") == pytest.approx(np.mean(2 * hit / (2 * hit + false + missed)))
    pooled = 2 * hit.sum() / (2 * hit.sum() + false.sum() + missed.sum())
    assert found(average="micro") == pytest.approx(pooled)


def test_equation_3_3_ccc():
    y, x = np.random.default_rng(0).normal([0, 0.5], [1, 2], (40, 2)).T
    x = x + y
    top = 2 * np.mean((y - y.mean()) * (x - x.mean()))
    expected = top / (y.var() + x.var() + (y.mean() - x.mean()) ** 2)
    assert protocols.ccc(y, x) == pytest.approx(expected)


def test_equation_3_4_clustered_bootstrap():
    """The formula's resamples, drawn by another generator, so it holds up to their noise."""
    score = np.random.default_rng(2).normal(size=(5, 4)) + np.arange(5)[:, None]
    frame = pd.DataFrame({"prediction": score.ravel(), "truth": 0.0, "speaker": np.arange(20) // 4})
    rng = np.random.default_rng(9)
    values = score.mean(1)[rng.integers(5, size=(50_000, 5))].mean(1)
    beta = norm.cdf(np.sqrt(5 / 4) * t.ppf(0.025, 4))
    found = protocols.bootstrap(frame, lambda _, prediction: prediction.mean(), n=20_000)
    assert found.value == pytest.approx(score.mean())
    expected = np.quantile(values, [beta, 1 - beta])
    assert [found.low, found.high] == pytest.approx(expected, abs=0.05)


def test_equation_3_6_sign_flips(frames):
    a, b = frames
    hits = [(f["truth"] == f["prediction"]).to_numpy().reshape(5, 12).mean(1) for f in (a, b)]
    difference = hits[0] - hits[1]
    flipped = [abs(np.mean(difference * signs)) for signs in product([1, -1], repeat=5)]
    expected = np.mean(np.array(flipped) >= abs(difference.mean()) - 1e-12)
    found = protocols.paired(a, b, partial(protocols.wa, labels=LABELS))
    assert found.p == pytest.approx(expected)
    assert found.smallest_p == 2 / 2**5


def test_equation_3_5_design_effect():
    """The variance of a mean of correlated scores, from their covariance matrix."""
    rho, m, speakers = 0.2, 7, 4
    block = np.full((m, m), rho) + (1 - rho) * np.eye(m)
    covariance = np.kron(np.eye(speakers), block)
    average = np.full(m * speakers, 1 / (m * speakers))
    ratio = average @ covariance @ average * m * speakers
    assert protocols.design_effect(rho, m) == pytest.approx(ratio)


def test_equation_3_7_variance_components():
    rng = np.random.default_rng(1)
    sizes = [5, 9, 20, 7]
    speaker = np.repeat(np.arange(4), sizes)
    score = rng.normal(size=41) + np.array([0, 1, 3, -2])[speaker]
    parts = [score[speaker == s] for s in range(4)]
    s2 = np.var([p.mean() for p in parts], ddof=1)
    within = sum(((p - p.mean()) ** 2).sum() for p in parts) / (41 - 4)
    found = protocols.components(score, speaker)
    assert found.spread**2 == pytest.approx(s2)
    assert found.within**2 == pytest.approx(within)
    assert found.between**2 == pytest.approx(s2 - within * np.mean([1 / n for n in sizes]))
    assert found.spread**2 == pytest.approx(found.between**2 + found.within**2 / found.size)


def test_equation_3_8_holm():
    p = np.array([0.01, 0.04, 0.03, 0.2])
    ranked = sorted(p)
    expected = [max(min(1, (4 - j) * ranked[j]) for j in range(ranked.index(one) + 1)) for one in p]
    assert protocols.holm(p) == pytest.approx(expected)
    assert protocols.holm(p) == pytest.approx([0.04, 0.09, 0.09, 0.2])
