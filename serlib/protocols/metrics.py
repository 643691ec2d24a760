"""Metrics of recognition. Each takes the full list of classes, in any order, always.

All but the CCC are functions of the confusion counts (see `counts`).

**A class that never occurs in the truth** has no recall. UAR and macro F1 then raise, naming it:
the mean over the remaining classes is another quantity. ``absent="ignore"`` takes that mean and
warns. (``sklearn.metrics.balanced_accuracy_score`` drops the class without a word; scikit-learn's
``recall_score`` counts it as 0.)
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.counts import (
    Absent,
    Average,
    counts,
    f1_on,
    mcc_on,
    present_classes,
    uar_on,
    wa_on,
)


def uar(truth, prediction, labels: Sequence, absent: Absent = "raise") -> float:
    """Unweighted average recall: the mean of the classes' recalls, chance = 1 / classes.

    Equation: 3.1, with K = the number of ``labels``.

    Args:
        truth: true classes, (utterances,).
        prediction: predicted classes, (utterances,).
        labels: all classes of the task.
        absent: what to do if a class never occurs in ``truth``.

    Raises:
        ProtocolError: unequal lengths, no rows, a value that is not in ``labels``, or a class
            that never occurs in ``truth``.
    """
    return float(uar_on(counts(truth, prediction, labels), labels, absent))


def wa(truth, prediction, labels: Sequence) -> float:
    """Weighted accuracy (WA, also WAR): the share of utterances recognised, i.e. accuracy."""
    return float(wa_on(counts(truth, prediction, labels), labels))


def f1(
    truth,
    prediction,
    labels: Sequence,
    average: Average = "macro",
    without: str | None = None,
    absent: Absent = "raise",
) -> float:
    """F1 over classes.

    Equation: 3.2

    Args:
        truth: true classes, (utterances,).
        prediction: predicted classes, (utterances,).
        labels: all classes of the task.
        average: ``"macro"`` mean over classes, ``"weighted"`` by their frequency in truth,
            ``"micro"`` from the summed hits and errors (= accuracy if no class is left out).
        without: a class that is not averaged over, e.g. neutral in DailyDialog. Its utterances
            stay in: taking one for another class still costs that class precision.
        absent: for ``"macro"``, what to do if a class never occurs in ``truth``.

    Raises:
        ProtocolError: as `uar`; or ``without`` is not in ``labels``.
    """
    return float(f1_on(counts(truth, prediction, labels), labels, average, without, absent))


def mcc(truth, prediction, labels: Sequence) -> float:
    """Matthews' correlation for several classes (Gorodkin's R_K), 0 if one side is constant."""
    return float(mcc_on(counts(truth, prediction, labels), labels))


def ccc(truth, prediction) -> float:
    """Concordance correlation (Lin 1989) over the whole set, by audmetric.

    Equation: 3.3

    A constant truth has no concordance to find: the value is 0 and a warning says so.

    Raises:
        ProtocolError: unequal lengths, fewer than two rows, NaN or infinity.
    """
    import audmetric

    truth, prediction = np.asarray(truth, float), np.asarray(prediction, float)
    if truth.shape != prediction.shape or truth.ndim != 1 or len(truth) < 2:
        raise ProtocolError(
            f"ccc: truth {truth.shape} and prediction {prediction.shape} must be two equally long "
            "lists of two or more values; check how they were collected"
        )
    if not (np.isfinite(truth).all() and np.isfinite(prediction).all()):
        raise ProtocolError("ccc: NaN or infinity in truth or prediction; leave those rows out")
    if np.ptp(truth) == 0:
        warnings.warn("ccc: the truth is constant, the value is set to 0", stacklevel=2)
        return 0.0
    return audmetric.concordance_cc(truth, prediction)


def scores(truth, prediction, labels: Sequence, absent: Absent = "raise") -> dict[str, float]:
    """All of `METRICS` at once: uar, wa, f1_macro, f1_micro, f1_weighted, mcc."""
    table = counts(truth, prediction, labels)
    present_classes(table, labels, absent)
    with warnings.catch_warnings():
        # The line above has warned once for all of them.
        warnings.simplefilter("ignore")
        given = {key: {"absent": absent} for key in ("uar", "f1_macro")}
        return {
            name: float(on_counts(metric, labels=labels, **given.get(name, {}))(table))
            for name, metric in METRICS.items()
        }


def confusion(truth, prediction, labels: Sequence) -> pd.DataFrame:
    """Counts, rows = truth, columns = prediction, both in the order of ``labels``."""
    return pd.DataFrame(
        counts(truth, prediction, labels),
        index=pd.Index(labels, name="truth"),
        columns=pd.Index(labels, name="prediction"),
    )


def on_counts(metric: Callable, **options) -> Callable | None:
    """The form of a metric that takes a stack of counts, or None if it has none.

    Args:
        metric: `uar`, `wa`, `f1`, `mcc`, or a ``functools.partial`` of one.
        options: what the metric is to be called with besides, e.g. ``labels``.
    """
    bound = partial(metric, **options)
    formula = _ON_COUNTS.get(bound.func)
    return partial(formula, **bound.keywords) if formula and "labels" in bound.keywords else None


_ON_COUNTS = {uar: uar_on, wa: wa_on, f1: f1_on, mcc: mcc_on}

METRICS = {
    "uar": uar,
    "wa": wa,
    "f1_macro": partial(f1, average="macro"),
    "f1_micro": partial(f1, average="micro"),
    "f1_weighted": partial(f1, average="weighted"),
    "mcc": mcc,
}
