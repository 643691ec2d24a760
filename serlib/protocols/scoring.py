"""One file of predictions under every convention of the literature.

Papers that report an F1 or an accuracy of the same corpus often mean different quantities. All of
them are formulas on the same confusion counts (see `conventions`), so that one file of predictions
has them all.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.checks import numbered
from serlib.protocols.conventions import CONVENTIONS, Convention
from serlib.protocols.counts import counts
from serlib.protocols.resampling import draw, expanded


def dialects(
    truth,
    prediction,
    labels: Sequence,
    neutral: str | None = "neutral",
    clusters=None,
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Score the same predictions by every convention.

    Args:
        truth: true classes, (utterances,).
        prediction: predicted classes, (utterances,).
        labels: all classes of the task.
        neutral: the class that some conventions leave out; with None their rows are not there.
        clusters: each utterance's dialogue or speaker, (utterances,); None gives no intervals.
        n: how many resamples of the clusters.
        seed: of the resamples.
        level: share of such intervals that should contain the true value; they are drawn and
            read as in `serlib.protocols.bootstrap`.

    Returns:
        One row per convention, its name the index. Columns: value, in [0, 1] (MCC in [-1, 1]),
        NaN where it is undefined; with ``clusters`` low and high; counts, what the number is;
        used, where it is reported.

    Raises:
        ProtocolError: as `serlib.protocols.uar` about truth, prediction and labels; ``neutral``
            is not one of two or more labels; as `serlib.protocols.bootstrap` about clusters.
    """
    if neutral is not None and (neutral not in labels or len(labels) < 2):
        raise ProtocolError(
            f"neutral={neutral!r} is not one of two or more labels {list(labels)}; "
            "neutral=None scores without the conventions that leave it out"
        )
    asked = [one for one in CONVENTIONS if neutral is not None or not one.leaves_out_neutral]
    frame = pd.DataFrame(
        {"counts": [one.counts for one in asked], "used": [one.used for one in asked]},
        index=pd.Index([one.name for one in asked], name="convention"),
    )
    frame.insert(0, "value", _scored(asked, counts(truth, prediction, labels), labels, neutral))
    if clusters is not None:
        tables, k = _resampled(truth, prediction, labels, clusters, n, seed)
        low, high = expanded(_scored(asked, tables, labels, neutral), k, level)
        frame.insert(1, "low", low)
        frame.insert(2, "high", high)
    return frame


def _scored(
    asked: list[Convention], table: np.ndarray, labels: Sequence, neutral: str | None
) -> np.ndarray:
    """The value of each convention, (..., conventions)."""
    extra = [(neutral,) if one.leaves_out_neutral else () for one in asked]
    values = [one.formula(table, labels, *e) for one, e in zip(asked, extra, strict=True)]
    return np.stack(values, -1)


def _resampled(
    truth, prediction, labels: Sequence, clusters, n: int, seed: int
) -> tuple[np.ndarray, int]:
    """Confusion counts of each resample of clusters, (n, classes, classes); how many there are."""
    if len(clusters) != len(truth):
        raise ProtocolError(
            f"clusters: {len(clusters)} for {len(truth)} utterances; name the dialogue or speaker "
            "of each utterance, in their order"
        )
    columns = {"truth": truth, "prediction": prediction, "clusters": clusters}
    number, k = numbered(pd.DataFrame({c: np.asarray(v) for c, v in columns.items()}), "clusters")
    tables = counts(truth, prediction, labels, number, k).astype(float)
    presence = tables.sum(-1) > 0
    # A class that no utterance has cannot be asked of a resample.
    weights, _ = draw(presence[:, presence.any(0)], n, np.random.default_rng(seed))
    return np.tensordot(weights.astype(float), tables, 1), k
