"""The dialects table against loops written out by hand."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from serlib.errors import ProtocolError
from serlib.protocols import bootstrap, dialects, f1, mcc, uar, wa
from serlib.protocols.conventions import CONVENTIONS

LABELS = ["neutral", "anger", "happiness", "sadness"]
# Twelve utterances; neutral is taken for anger twice, anger for neutral once, and so on.
TRUTH = ["neutral"] * 6 + ["anger"] * 3 + ["happiness"] * 2 + ["sadness"]
GUESS = ["neutral"] * 3 + ["anger", "anger", "sadness"]
GUESS += ["anger", "anger", "neutral", "happiness", "anger", "neutral"]


def by_hand(truth, guess, labels, neutral="neutral"):
    """Every convention from counting pairs, without a confusion matrix."""
    pairs = list(zip(truth, guess, strict=True))

    def count(own, cls):
        right = sum(t == g == cls for t, g in own)
        return right, sum(t == cls for t, g in own), sum(g == cls for t, g in own)

    def divide(a, b):
        return a / b if b else 0.0

    def f1_of(own, cls):
        right, true, guessed = count(own, cls)
        precision, recall = divide(right, guessed), divide(right, true)
        return divide(2 * precision * recall, precision + recall)

    def micro(own, classes):
        tp = fp = fn = 0
        for cls in classes:
            right, true, guessed = count(own, cls)
            tp, fp, fn = tp + right, fp + guessed - right, fn + true - right
        return divide(2 * tp, 2 * tp + fp + fn)

    def mean(values):
        values = list(values)
        return sum(values) / len(values)

    def weighted(own, classes):
        total = sum(count(own, cls)[1] for cls in classes)
        return divide(sum(count(own, cls)[1] * f1_of(own, cls) for cls in classes), total)

    def against_rest(cls):
        right, true, guessed = count(pairs, cls)
        return (right / true + (len(pairs) - true - guessed + right) / (len(pairs) - true)) / 2

    recall = {c: divide(count(pairs, c)[0], count(pairs, c)[1]) for c in labels}
    precision = {c: divide(count(pairs, c)[0], count(pairs, c)[2]) for c in labels}
    occur = [c for c in labels if c in truth]
    whole = len(occur) == len(labels)
    p, r = mean(precision.values()), mean(recall.values())
    kept = [c for c in labels if c != neutral]
    emotional = [(t, g) for t, g in pairs if t != neutral]
    return {
        "accuracy": mean(t == g for t, g in pairs),
        "UAR": mean(recall.values()) if whole else math.nan,
        "UAR, absent class 0": mean(recall.values()),
        "balanced accuracy": mean(recall[c] for c in occur),
        "one-against-rest accuracy": mean(map(against_rest, labels)) if whole else math.nan,
        "macro F1": mean(f1_of(pairs, c) for c in labels),
        "macro F1, classes seen": mean(f1_of(pairs, c) for c in labels if c in [*truth, *guess]),
        "macro F1 of means": divide(2 * p * r, p + r),
        "micro F1": micro(pairs, labels),
        "weighted F1": weighted(pairs, labels),
        "MCC": sk.matthews_corrcoef(truth, guess),
        "macro F1 without neutral": mean(f1_of(pairs, c) for c in kept),
        "micro F1 without neutral": micro(pairs, kept),
        "weighted F1 without neutral": weighted(pairs, kept),
        "micro F1, neutral utterances removed": micro(emotional, kept),
        "macro F1, neutral utterances removed": mean(f1_of(emotional, c) for c in kept),
    }


def random_file(seed, labels=LABELS, n=60):
    rng = np.random.default_rng(seed)
    truth = rng.choice(labels, n)
    return truth.tolist(), np.where(rng.random(n) < 0.4, truth, rng.choice(labels, n)).tolist()


FILES = [(TRUTH, GUESS), *map(random_file, range(5))]
# Sadness never occurs, is guessed in one file and not even that in the other.
FILES += [(["neutral", "anger", "happiness"], ["neutral", "anger", guess]) for guess in LABELS[2:]]


@pytest.mark.parametrize(("truth", "guess"), FILES)
def test_every_convention_is_what_counting_by_hand_gives(truth, guess):
    values = dialects(truth, guess, LABELS)["value"]
    expected = by_hand(truth, guess, LABELS)
    assert set(values.index) == set(expected) and values.index.is_unique
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, atol=1e-12, err_msg=name)


def test_worked_numbers():
    values = dialects(TRUTH, GUESS, LABELS)["value"]
    assert values["accuracy"] == values["micro F1"] == 6 / 12
    # Of 6 emotional utterances 3 are found; 7 are said to be emotional.
    assert values["micro F1 without neutral"] == pytest.approx(2 * 3 / (6 + 7))
    # Without the neutral utterances, the three false alarms on them are gone.
    assert values["micro F1, neutral utterances removed"] == pytest.approx(2 * 3 / (6 + 4))
    assert values["UAR"] == pytest.approx((3 / 6 + 2 / 3 + 1 / 2 + 0) / 4)


@pytest.mark.parametrize(("truth", "guess"), FILES)
def test_the_names_from_scikit_learn_are_what_it_computes(truth, guess):
    values = dialects(truth, guess, LABELS)["value"]
    kept = LABELS[1:]
    quiet = {"zero_division": 0}
    expected = {
        "accuracy": sk.accuracy_score(truth, guess),
        "UAR, absent class 0": sk.recall_score(
            truth, guess, labels=LABELS, average="macro", **quiet
        ),
        "macro F1, classes seen": sk.f1_score(truth, guess, average="macro", **quiet),
        "weighted F1": sk.f1_score(truth, guess, average="weighted", **quiet),
        "micro F1 without neutral": sk.f1_score(truth, guess, labels=kept, average="micro"),
    }
    if set(guess) <= set(truth):
        expected["balanced accuracy"] = sk.balanced_accuracy_score(truth, guess)
    for name, value in expected.items():
        assert values[name] == pytest.approx(value), name


def test_the_metrics_of_this_project_are_rows_of_the_table():
    values = dialects(TRUTH, GUESS, LABELS)["value"]
    assert values["UAR"] == pytest.approx(uar(TRUTH, GUESS, LABELS))
    assert values["accuracy"] == wa(TRUTH, GUESS, LABELS)
    assert values["macro F1"] == pytest.approx(f1(TRUTH, GUESS, LABELS))
    assert values["MCC"] == pytest.approx(mcc(TRUTH, GUESS, LABELS))


def test_the_two_readings_of_micro_without_neutral_differ_where_neutral_is_common():
    truth = ["neutral"] * 90 + ["anger"] * 10
    guess = ["anger"] * 90 + ["anger"] * 10
    values = dialects(truth, guess, ["neutral", "anger"])["value"]
    assert values["micro F1 without neutral"] == pytest.approx(2 * 10 / 110)
    assert values["micro F1, neutral utterances removed"] == 1


def test_without_a_neutral_class_only_its_conventions_go():
    labels = ["a", "b", "c"]
    truth, guess = random_file(7, labels)
    table = dialects(truth, guess, labels, neutral=None)
    kept = [one.name for one in CONVENTIONS if "neutral" not in one.name]
    assert list(table.index) == kept and len(kept) == 11
    expected = by_hand(truth, guess, labels)
    for name in kept:
        assert table.loc[name, "value"] == pytest.approx(expected[name]), name


def test_the_order_of_labels_and_another_name_for_neutral_change_nothing():
    plain = dialects(TRUTH, GUESS, LABELS)["value"]
    np.testing.assert_allclose(dialects(TRUTH, GUESS, LABELS[::-1])["value"], plain)
    other = (
        [{"neutral": "none"}.get(x, x) for x in TRUTH],
        [{"neutral": "none"}.get(x, x) for x in GUESS],
    )
    labels = ["none", *LABELS[1:]]
    np.testing.assert_allclose(dialects(*other, labels, neutral="none")["value"], plain)


def test_every_row_says_what_it_counts_and_where_it_is_used():
    table = dialects(TRUTH, GUESS, LABELS)
    assert list(table.columns) == ["value", "counts", "used"]
    assert table.index.name == "convention" and table["value"].dtype == float
    assert (table[["counts", "used"]].map(len) > 10).all(axis=None)
    pair = table.index[table["used"].str.contains("COSMIC") & table["used"].str.contains("pair")]
    assert list(pair) == ["macro F1", "micro F1 without neutral"]


def test_intervals_are_those_of_bootstrap():
    from functools import partial

    import pandas as pd

    truth, guess = random_file(3, n=200)
    clusters = [f"d{i // 5}" for i in range(200)]
    table = dialects(truth, guess, LABELS, clusters=clusters, n=300, seed=4)
    frame = pd.DataFrame({"truth": truth, "prediction": guess, "dialogue": clusters})
    metric = partial(f1, labels=LABELS, average="micro", without="neutral")
    expected = bootstrap(frame, metric, "dialogue", n=300, seed=4)
    row = table.loc["micro F1 without neutral"]
    assert (row["low"], row["high"]) == pytest.approx((expected.low, expected.high))
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_a_class_that_never_occurs_leaves_the_other_intervals():
    truth, guess = random_file(3, LABELS[:3], n=100)
    table = dialects(truth, guess, LABELS, clusters=[i // 5 for i in range(100)], n=50)
    undefined = table.index[table["value"].isna()]
    assert list(undefined) == ["UAR", "one-against-rest accuracy"]
    assert table.loc[undefined, ["low", "high"]].isna().all(axis=None)
    assert table.drop(undefined)[["low", "high"]].notna().all(axis=None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"neutral": "calm"}, "neutral='calm' is not one of two or more labels"),
        ({"labels": LABELS[:3]}, "truth has sadness, not among the labels"),
        ({"prediction": GUESS[:-1]}, "must be two equally long"),
        ({"clusters": [1, 2]}, "clusters: 2 for 12 utterances"),
        ({"clusters": ["a"] * 12}, "clusters: 1 of them"),
        ({"clusters": [None, *["a"] * 11]}, "clusters: 1 of 12 utterances have none"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_line(options, words):
    given = {"truth": TRUTH, "prediction": GUESS, "labels": LABELS} | options
    with pytest.raises(ProtocolError) as caught:
        dialects(**given)
    assert words in str(caught.value) and "\n" not in str(caught.value)
