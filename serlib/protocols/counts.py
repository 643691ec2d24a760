"""Confusion counts, and the metrics as formulas on them.

A formula takes a whole stack of counts (..., classes, classes), row = truth, column =
prediction, which is what makes thousands of bootstrap resamples cheap.
"""

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError

Absent = Literal["raise", "ignore"]
Average = Literal["micro", "macro", "weighted"]


def counts(truth, prediction, labels: Sequence, cluster=None, clusters: int = 1) -> np.ndarray:
    """Confusion counts (classes, classes), or per cluster (clusters, classes, classes).

    Args:
        truth: true classes, (utterances,).
        prediction: predicted classes, (utterances,).
        labels: all classes of the task.
        cluster: number of each row's cluster, (utterances,), or None.
        clusters: how many clusters there are.

    Raises:
        ProtocolError: see `uar`.
    """
    truth, prediction, size = np.asarray(truth), np.asarray(prediction), len(labels)
    if size == 0 or len(set(labels)) != size:
        raise ProtocolError(f"labels {list(labels)}: must be one or more classes, each once")
    if truth.shape != prediction.shape or truth.ndim != 1 or not len(truth):
        raise ProtocolError(
            f"truth {truth.shape} and prediction {prediction.shape} must be two equally long, "
            "non-empty lists of classes; check how they were collected"
        )
    row, column = (
        _code(side, labels, name) for side, name in ((truth, "truth"), (prediction, "prediction"))
    )
    cell = ((0 if cluster is None else cluster) * size + row) * size + column
    table = np.bincount(cell, minlength=clusters * size * size).reshape(clusters, size, size)
    return table[0] if cluster is None else table


def _code(values: np.ndarray, labels: Sequence, side: str) -> np.ndarray:
    codes = pd.Index(labels).get_indexer(values)
    if (codes < 0).any():
        foreign = sorted({str(value) for value in values[codes < 0]})
        raise ProtocolError(
            f"{side} has {', '.join(foreign[:5])}, not among the labels {list(labels)}; "
            "give the full list of classes, or select the classes first"
        )
    return codes


def present_classes(table: np.ndarray, labels: Sequence, absent: Absent) -> np.ndarray:
    """Which classes occur in truth, (..., classes); raises or warns if one does not."""
    present = table.sum(-1) > 0
    if not present.all():
        everywhere = present.all(axis=tuple(range(present.ndim - 1)))
        names = ", ".join(str(labels[i]) for i in np.flatnonzero(~everywhere))
        if absent != "ignore":
            raise ProtocolError(
                f"{names}: never occurs in the truth, so the mean over classes is undefined; "
                'pool more folds, or pass absent="ignore" to average over the others'
            )
        warnings.warn(f"{names}: never occurs in the truth, left out of the mean", stacklevel=4)
    return present


def uar_on(table: np.ndarray, labels: Sequence, absent: Absent = "raise") -> np.ndarray:
    """Mean over classes of hits / truth."""
    present = present_classes(table, labels, absent)
    return ratio(hits_of(table), table.sum(-1)).sum(-1) / present.sum(-1)


def wa_on(table: np.ndarray, labels: Sequence) -> np.ndarray:
    """Hits / all."""
    return hits_of(table).sum(-1) / table.sum((-2, -1))


def f1_on(
    table: np.ndarray,
    labels: Sequence,
    average: Average = "macro",
    without: str | None = None,
    absent: Absent = "raise",
) -> np.ndarray:
    """2 hits / (truth + predicted), averaged over classes as `metrics.f1` says."""
    if without is not None and without not in labels:
        raise ProtocolError(f"without={without}: not among the labels {list(labels)}")
    kept = [i for i, label in enumerate(labels) if without is None or label != without]
    truth, both = table.sum(-1)[..., kept], (table.sum(-1) + table.sum(-2))[..., kept]
    hits = hits_of(table)[..., kept]
    if average == "micro":
        return ratio(2 * hits.sum(-1), both.sum(-1))
    if average == "weighted":
        return ratio((truth * ratio(2 * hits, both)).sum(-1), truth.sum(-1))
    if average != "macro":
        raise ProtocolError(f"average={average}: must be micro, macro or weighted")
    present = present_classes(table[..., kept, :], [labels[i] for i in kept], absent)
    return (present * ratio(2 * hits, both)).sum(-1) / present.sum(-1)


def mcc_on(table: np.ndarray, labels: Sequence) -> np.ndarray:
    """Covariance of truth and prediction over the product of their spreads (Gorodkin 2004)."""
    truth, predicted, n = table.sum(-1), table.sum(-2), table.sum((-2, -1)).astype(float)
    top = hits_of(table).sum(-1) * n - (truth * predicted).sum(-1)
    spread = (n**2 - (truth**2).sum(-1)) * (n**2 - (predicted**2).sum(-1))
    return ratio(top, np.sqrt(spread))


def hits_of(table: np.ndarray) -> np.ndarray:
    """How often each class was recognised, (..., classes)."""
    return np.diagonal(table, axis1=-2, axis2=-1)


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """The quotient, 0 where it is 0 / 0."""
    top, bottom = np.broadcast_arrays(np.asarray(top, float), np.asarray(bottom, float))
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
