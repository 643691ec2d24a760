"""Metrics on weighted clusters: the arithmetic under `uncertainty`."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.counts import counts
from serlib.protocols.metrics import on_counts

Score = Callable[[np.ndarray], np.ndarray]

#: Up to so many clusters all patterns of swaps are tried, beyond it random ones.
EXACT_UP_TO = 12


def scorer(metric: Callable, frame: pd.DataFrame, cluster: np.ndarray, clusters: int) -> Score:
    """The metric as a function of how often each cluster is taken.

    Args:
        metric: ``metric(truth, prediction) -> float``. A ``functools.partial`` of uar, wa, f1 or
            mcc with ``labels=`` is computed on counts: all weights at once. So is one that has a
            form on clusters of its own, ``metric.of_clusters`` (see `concordance.MeanCCC`).
        frame: columns truth and prediction, (rows,).
        cluster: number of each row's cluster, (rows,).
        clusters: how many clusters there are.

    Returns:
        Function from weights (resamples, clusters), integers, to values (resamples,).
    """
    truth, prediction = frame["truth"].to_numpy(), frame["prediction"].to_numpy()
    if hasattr(metric, "of_clusters"):
        return metric.of_clusters(truth, prediction, cluster, clusters)
    formula = on_counts(metric)
    if formula is not None:
        tables = counts(truth, prediction, formula.keywords["labels"], cluster, clusters)
        # Whole numbers as floats are exact up to 2^53, and multiply by BLAS.
        tables = tables.astype(float)
        return lambda weights: formula(np.tensordot(weights.astype(float), tables, 1))

    def score(weights: np.ndarray) -> np.ndarray:
        rows = np.arange(len(truth))
        taken = (np.repeat(rows, weight[cluster]) for weight in weights)
        return np.array([metric(truth[rows], prediction[rows]) for rows in taken], float)

    return score


def quietly(score: Callable, *weights: np.ndarray) -> np.ndarray:
    """The values without the warnings, which the whole set's value has already given.

    Raises:
        ProtocolError: the metric is not a number on some resamples.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        values = score(*weights)
    if not np.isfinite(values).all():
        raise ProtocolError(
            f"the metric is NaN or infinite on {int((~np.isfinite(values)).sum())} of "
            f"{len(values)} resamples; use a metric that is defined on all of them"
        )
    return values


def draw(presence: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Cluster bootstrap weights in which no class is lost.

    Args:
        presence: whether a cluster has a class in its truth, (clusters, classes).
        n: how many resamples.
        rng: where the chance comes from.

    Returns:
        Weights (n, clusters), each row summing to ``clusters``; and how many were drawn again.

    Raises:
        ProtocolError: nearly no resample has every class.
    """
    clusters = len(presence)
    kept, tried = np.empty((0, clusters), int), 0
    while len(kept) < n:
        if tried > 100 * n:
            raise ProtocolError(
                f"fewer than 1 % of the resamples of {clusters} clusters have every class; "
                "select classes that more of the clusters have"
            )
        weights = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=n)
        whole = (weights.astype(float) @ presence.astype(float) > 0).all(1)
        # Counting stops at the n-th whole one, so the figure does not depend on the batch.
        last = np.flatnonzero(whole.cumsum() + len(kept) >= n)
        end = last[0] + 1 if len(last) else n
        tried += end
        kept = np.concatenate([kept, weights[:end][whole[:end]]])
    return kept, int(tried - n)


def swaps(clusters: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Which clusters swap their predictions, (patterns, clusters), 0 or 1.

    Up to `EXACT_UP_TO` clusters all patterns in which the last one stays: its mirror image, all
    swapped but these, has the same absolute difference. Beyond, ``n`` random ones.
    """
    if clusters <= EXACT_UP_TO:
        return (np.arange(2 ** (clusters - 1))[:, None] >> np.arange(clusters)) & 1
    return rng.integers(0, 2, (n, clusters))


def expanded(values: np.ndarray, clusters: int, level: float) -> np.ndarray:
    """Hesterberg's expanded percentiles: as wide as a t interval where a normal one fits.

    Args:
        values: of the resamples, (resamples, ...).
        clusters: how many each resample drew.
        level: of the interval.

    Returns:
        Both ends, (2, ...).
    """
    from scipy.stats import norm, t

    tail = t.ppf((1 - level) / 2, clusters - 1) * np.sqrt(clusters / (clusters - 1))
    return np.quantile(values, [norm.cdf(tail), norm.sf(tail)], axis=0)


def smallest_p(clusters: int, n: int) -> float:
    """What a p-value cannot fall below with so many clusters, or so many random patterns."""
    return 2 / 2**clusters if clusters <= EXACT_UP_TO else 1 / (n + 1)


def share_as_extreme(swapped: np.ndarray, observed: np.ndarray, clusters: int) -> np.ndarray:
    """The p-value: how many swap patterns give a difference as large as the observed one.

    Args:
        swapped: absolute differences under the patterns of `swaps`, (..., patterns).
        observed: absolute differences as they are, (..., 1).
        clusters: how many clusters are swapped; up to `EXACT_UP_TO` the patterns are all there are.
    """
    extreme = swapped >= observed - 1e-12
    if clusters <= EXACT_UP_TO:
        return extreme.mean(-1)
    return (extreme.sum(-1) + 1) / (extreme.shape[-1] + 1)
