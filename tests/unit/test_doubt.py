"""A classifier's doubt, measured on records as if by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from serlib import doubt
from serlib.errors import RecordError
from serlib.protocols import uar

LABELS = ["anger", "neutral", "sadness"]


def answers(variant, sharpness, seeds, shift=0.0):
    """Rows of six speakers with ten utterances each, scored by a noisy softmax."""
    rows = []
    for seed in seeds:
        rng = np.random.default_rng([seed, len(variant)])
        truth = np.tile(np.arange(3), 20)
        logits = sharpness * np.eye(3)[truth] + rng.normal(size=(60, 3)) + [shift, 0, 0]
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        rows.append(
            pd.DataFrame(scores, columns=[f"score_{label}" for label in LABELS]).assign(
                variant=variant,
                fold=np.repeat(["one", "two"], 30),
                seed=seed,
                utterance=[f"u{i}" for i in range(60)],
                speaker=np.repeat(list("abcdef"), 10),
                truth=np.array(LABELS)[truth],
                prediction=np.array(LABELS)[scores.argmax(1)],
            )
        )
    return pd.concat(rows, ignore_index=True)


@pytest.fixture
def told():
    good, biased = answers("good", 3.0, [0, 1]), answers("biased", 3.0, [0, 1, 2], shift=1.5)
    return pd.concat([good, biased], ignore_index=True)


@pytest.fixture
def votes(told):
    shares = np.random.default_rng(5).dirichlet([1, 1, 1], 60)
    shares[0] = [1, 0, 0]  # Nobody voted otherwise: no logarithm of 0.
    return pd.DataFrame(shares, [f"u{i}" for i in range(60)], LABELS)


def test_calibration_error_is_that_of_torchmetrics(told):
    frame, metric = doubt.forms(told, LABELS, {})["ece"]
    scores = torch.tensor(told[[f"score_{label}" for label in LABELS]].to_numpy())
    truth = torch.tensor([LABELS.index(t) for t in told["truth"]])
    expected = multiclass_calibration_error(scores, truth, 3, n_bins=15).item()
    assert expected > 0.02
    assert metric(None, frame["prediction"].to_numpy()) == pytest.approx(expected, abs=1e-6)


def test_a_sure_answer_is_calibrated_if_it_is_right():
    assert doubt.calibration_error(None, np.array([3.0, 3.0])) == 0
    assert doubt.calibration_error(None, np.array([1.0, 3.0])) == pytest.approx(0.5)
    assert doubt.calibration_error(None, np.array([0.25, 2.25])) == pytest.approx(0.25)


def test_distances_are_divergences_from_the_raters(told, votes):
    frame, metric = doubt.forms(told, LABELS, {"votes": votes})["from the votes"]
    for row in (0, 77):
        given = votes.loc[told.loc[row, "utterance"]]
        terms = [v * np.log(v / told.loc[row, f"score_{e}"]) for e, v in given.items() if v > 0]
        assert frame.loc[row, "prediction"] == pytest.approx(sum(terms), abs=1e-4)
    assert metric(None, frame["prediction"]) == frame["prediction"].mean()


def test_the_bias_is_towards_the_largest_class(told):
    more = pd.concat([told, told[told["truth"] == "anger"].assign(fold="three")])
    frame, metric = doubt.forms(more, LABELS, {})["bias"]
    own = frame[frame["variant"] == "biased"]
    by_hand = (own["prediction"] == "anger").mean() - (own["truth"] == "anger").mean()
    assert metric(own["truth"], own["prediction"]) == pytest.approx(by_hand) and by_hand > 0.02


def test_variants_are_compared_on_the_runs_that_they_share(told):
    found = doubt.compared(doubt.forms(told, LABELS, {})["uar"], {"biased": "good"})
    good, biased = (told[told["variant"] == name] for name in ("good", "biased"))
    assert found.loc["good", "value"] == pytest.approx(
        uar(good["truth"], good["prediction"], LABELS)
    )
    assert found.loc["good", ["low"]].item() < found.loc["good", "value"]
    shared = biased[biased["seed"] < 2]
    gap = uar(shared["truth"], shared["prediction"], LABELS) - found.loc["good", "value"]
    assert found.loc["biased", "difference"] == pytest.approx(gap)
    assert list(found.loc["biased", ["runs", "shared runs"]]) == [6, 4]
    assert found.loc["good"].isna().sum() == 5 and 0 < found.loc["biased", "p"] <= 1


def test_records_without_scores_are_refused(told):
    told.loc[3, "score_anger"] = np.nan
    with pytest.raises(RecordError, match="keep no scores"):
        doubt.forms(told, LABELS, {})
