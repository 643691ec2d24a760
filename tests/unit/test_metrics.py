"""Metrics against their formulas written out by hand, on random input."""

import inspect
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from serlib.errors import ProtocolError
from serlib.protocols import METRICS, ccc, confusion, f1, mcc, scores, uar, wa

LABELS = ["anger", "happiness", "neutral", "sadness"]


def draws(count=20):
    """Random truths and predictions: few and many rows, frequent and rare classes."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(12, 200))
        share = rng.dirichlet(np.ones(4))
        truth = np.concatenate([LABELS, rng.choice(LABELS, n, p=share)])
        yield truth, np.where(rng.random(n + 4) < rng.random(), truth, rng.choice(LABELS, n + 4))


def by_hand(truth, prediction):
    """Per class: hits, times it is true, times it is predicted; one loop, no matrix."""
    hits = np.array([np.sum((truth == c) & (prediction == c)) for c in LABELS], float)
    true = np.array([np.sum(truth == c) for c in LABELS], float)
    predicted = np.array([np.sum(prediction == c) for c in LABELS], float)
    return hits, true, predicted


def f1_by_hand(hits, true, predicted):
    precision = np.array([h / p if p else 0 for h, p in zip(hits, predicted, strict=True)])
    recall = hits / true
    total = precision + recall
    return np.array(
        [2 * p * r / t if t else 0 for p, r, t in zip(precision, recall, total, strict=True)]
    )


def test_uar_and_wa_are_mean_recall_and_accuracy():
    for truth, prediction in draws():
        hits, true, _ = by_hand(truth, prediction)
        assert uar(truth, prediction, LABELS) == pytest.approx(np.mean(hits / true))
        assert wa(truth, prediction, LABELS) == pytest.approx(np.mean(truth == prediction))


def test_f1_averages():
    for truth, prediction in draws():
        hits, true, predicted = by_hand(truth, prediction)
        each = f1_by_hand(hits, true, predicted)
        assert f1(truth, prediction, LABELS) == pytest.approx(each.mean())
        weighted = np.sum(each * true) / true.sum()
        assert f1(truth, prediction, LABELS, "weighted") == pytest.approx(weighted)
        assert f1(truth, prediction, LABELS, "micro") == pytest.approx(np.mean(truth == prediction))


def test_f1_without_a_class_keeps_its_utterances():
    for truth, prediction in draws():
        hits, true, predicted = by_hand(truth, prediction)
        kept = [0, 1, 3]  # all but neutral, whose utterances still count as false alarms
        each = f1_by_hand(hits, true, predicted)[kept]
        assert f1(truth, prediction, LABELS, "macro", without="neutral") == pytest.approx(
            each.mean()
        )
        precision = hits[kept].sum() / max(predicted[kept].sum(), 1)
        recall = hits[kept].sum() / true[kept].sum()
        micro = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert f1(truth, prediction, LABELS, "micro", without="neutral") == pytest.approx(micro)


def test_mcc_is_the_correlation_of_one_hot_matrices():
    for truth, prediction in draws():
        x = (truth[:, None] == np.array(LABELS)).astype(float)
        y = (prediction[:, None] == np.array(LABELS)).astype(float)
        x, y = x - x.mean(0), y - y.mean(0)
        expected = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())
        assert mcc(truth, prediction, LABELS) == pytest.approx(expected)


def test_mcc_of_a_constant_prediction_is_zero():
    assert mcc(LABELS, ["anger"] * 4, LABELS) == 0


def test_ccc_by_hand_and_over_the_whole_set():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x = rng.normal(rng.normal(), rng.uniform(0.5, 2), 60)
        y = rng.normal() * x + rng.normal(size=60)
        expected = 2 * np.mean((x - x.mean()) * (y - y.mean()))
        expected /= x.var() + y.var() + (x.mean() - y.mean()) ** 2
        assert ccc(x, y) == pytest.approx(expected)
        # A mean over batches is another number: the CCC does not average.
        assert ccc(x, y) != pytest.approx(np.mean([ccc(x[:30], y[:30]), ccc(x[30:], y[30:])]))


@pytest.mark.parametrize("prediction", [[1, 2, 3], [2, 2, 2], [0.1, 0.1, 0.1]])
def test_ccc_of_a_constant_truth_is_zero_and_warns(prediction):
    for value in (2, 0.1):
        with pytest.warns(UserWarning, match="constant"):
            assert ccc([value] * 3, prediction) == 0


@pytest.mark.parametrize(
    ("truth", "prediction", "match"),
    [([1, 2], [1, 2, 3], "equally long"), ([1], [1], "two or more"), ([1, np.nan], [1, 2], "NaN")],
)
def test_ccc_refuses(truth, prediction, match):
    with pytest.raises(ProtocolError, match=match):
        ccc(truth, prediction)


def test_an_absent_class_is_named_and_never_drops_out_of_uar():
    truth, prediction = ["anger", "anger", "neutral"], ["anger", "sadness", "neutral"]
    with pytest.warns(UserWarning, match="not in y_true"):
        assert balanced_accuracy_score(truth, prediction) == 0.75  # the trap: over two of four
    for metric in (uar, f1, scores):
        with pytest.raises(ProtocolError, match="happiness, sadness: never occurs"):
            metric(truth, prediction, LABELS)
    with pytest.warns(UserWarning, match="happiness, sadness: never occurs"):
        assert uar(truth, prediction, LABELS, absent="ignore") == 0.75
    with pytest.warns(UserWarning) as seen:
        assert scores(truth, prediction, LABELS, absent="ignore")["uar"] == 0.75
    assert len(seen) == 1


def test_uar_does_not_depend_on_what_is_predicted_only():
    # sadness is predicted, never true: with labels given it neither adds nor removes a class.
    labels = ["anger", "neutral", "sadness"]
    truth = ["anger", "neutral", "neutral", "sadness"]
    assert uar(truth, ["anger", "neutral", "anger", "anger"], labels) == pytest.approx(0.5)
    assert uar(truth, ["anger", "neutral", "sadness", "anger"], labels) == pytest.approx(0.5)


def test_the_order_of_labels_changes_only_the_confusion():
    for truth, prediction in draws(5):
        turned = LABELS[::-1]
        assert scores(truth, prediction, LABELS) == pytest.approx(scores(truth, prediction, turned))
        straight = confusion(truth, prediction, LABELS)
        assert confusion(truth, prediction, turned).loc[LABELS, LABELS].equals(straight)


def test_confusion_has_truth_in_rows():
    frame = confusion(["anger", "anger", "sadness"], ["anger", "sadness", "sadness"], LABELS)
    assert frame.loc["anger", "sadness"] == 1 and frame.loc["sadness", "anger"] == 0
    assert frame.to_numpy().sum() == 3 and list(frame.index) == LABELS
    assert (frame.index.name, frame.columns.name) == ("truth", "prediction")


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pd.Categorical])
def test_any_sequence_of_labels_is_taken(kind):
    assert uar(kind(LABELS), kind(LABELS), LABELS) == 1
    assert uar(kind([0, 1, 1]), kind([0, 1, 0]), [0, 1]) == 0.75


@pytest.mark.parametrize(
    ("truth", "prediction", "labels", "match"),
    [
        (["anger"], ["joy"], LABELS, "prediction has joy, not among the labels"),
        (["joy"], ["anger"], LABELS, "truth has joy"),
        ([None, "anger"], ["anger", "anger"], LABELS, "truth has None"),
        (["anger"], ["anger", "anger"], LABELS, "equally long"),
        ([], [], LABELS, "non-empty"),
        (["anger"], ["anger"], [], "each once"),
        (["anger"], ["anger"], ["anger", "anger"], "each once"),
    ],
)
def test_bad_input_is_one_line(truth, prediction, labels, match):
    for metric in (uar, wa, mcc, f1, confusion, scores):
        with pytest.raises(ProtocolError, match=match) as caught:
            metric(truth, prediction, labels)
        assert "\n" not in str(caught.value)


def test_f1_refuses_unknown_options():
    with pytest.raises(ProtocolError, match="without=joy"):
        f1(LABELS, LABELS, LABELS, without="joy")
    with pytest.raises(ProtocolError, match="average=mean"):
        f1(LABELS, LABELS, LABELS, average="mean")


def test_scores_are_the_metrics():
    for truth, prediction in draws(5):
        expected = {
            name: partial(m, labels=LABELS)(truth, prediction) for name, m in METRICS.items()
        }
        assert scores(truth, prediction, LABELS) == pytest.approx(expected)
        assert list(expected) == ["uar", "wa", "f1_macro", "f1_micro", "f1_weighted", "mcc"]


def test_every_metric_of_classes_asks_for_labels():
    for metric in (uar, wa, f1, mcc, scores, confusion):
        assert inspect.signature(metric).parameters["labels"].default is inspect.Parameter.empty


def test_no_warning_on_ordinary_input():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for truth, prediction in draws(3):
            scores(truth, prediction, LABELS)
