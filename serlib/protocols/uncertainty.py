"""How sure a number is: intervals and paired tests that resample speakers, not utterances.

Utterances of one speaker (or turns of one dialogue) resemble each other, so they are not
independent tests; neither are seeds, which score the same utterances again. Whole clusters are
therefore drawn and swapped, with all their utterances and seeds. The metric is taken over all
rows; for UAR and WA that is the mean over seeds.

**Interval** Cluster bootstrap: as many clusters as there are, drawn with replacement. Percentile
intervals are too short with few clusters, so the *expanded* percentiles of Hesterberg (2015,
*What Teachers Should Know About the Bootstrap*, doi 10.1080/00031305.2015.1089789) are read: level
0.95 with ten clusters reads the 0.9 % and 99.1 % quantiles. In simulations with strong speaker
effects it covers 94 to 95 % from eight clusters on, and 90 % with four.

**Classes** A resample can miss a class of the truth altogether; it is drawn again, because a mean
over fewer classes is another quantity. The result says how often (``redrawn``), and a warning
does if it was more than one draw in ten: the interval then leans on the clusters that have the
rare class. Numeric truths (with a metric that is not one of ours) have no classes.

**Test** Approximate randomisation (Noreen 1989; Yeh 2000): if the two systems are alike, swapping
their predictions for a cluster changes nothing. The p-value is two-sided: the share of swap
patterns whose absolute difference is at least the observed one, over all 2^k patterns of k
clusters up to k = 12, else over ``n`` random ones and the observed one. It cannot fall below
``smallest_p``, 2/2^k or 1/(n + 1): five speakers cannot give p < 0.05.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from serlib.protocols.checks import aligned, identified, numbered
from serlib.protocols.metrics import on_counts
from serlib.protocols.resampling import (
    draw,
    expanded,
    quietly,
    scorer,
    share_as_extreme,
    smallest_p,
    swaps,
)


@dataclass(frozen=True)
class Interval:
    """A value and its confidence interval; ``f"{interval:.3f}"`` shows all three numbers.

    Attributes:
        value: the metric on the whole frame.
        low: lower end.
        high: upper end.
        clusters: how many clusters (speakers) it rests on.
        redrawn: how many resamples missed a class and were drawn again.
    """

    value: float
    low: float
    high: float
    clusters: int
    redrawn: int

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


@dataclass(frozen=True)
class PairedResult:
    """The difference a − b of two systems on the same utterances.

    Attributes:
        difference: metric of a minus metric of b.
        low: lower end of its interval.
        high: upper end.
        p: two-sided, of "the systems are alike".
        smallest_p: what p cannot fall below with so many clusters.
        clusters: how many clusters (speakers) it rests on.
        redrawn: how many resamples missed a class and were drawn again.
    """

    difference: float
    low: float
    high: float
    p: float
    smallest_p: float
    clusters: int
    redrawn: int


def bootstrap(
    frame: pd.DataFrame,
    metric: Callable,
    cluster: str = "speaker",
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """A metric with its cluster-bootstrap interval.

    Equation: 3.4, with M = ``metric``, C = clusters, and the resample's b as `expanded` reads them.

    Args:
        frame: one row per scored utterance (and seed, and fold, if there are several). Columns
            truth, prediction, and the cluster's; if it has utterance, repeated rows are refused.
        metric: ``metric(truth, prediction) -> float``; ``functools.partial(uar, labels=labels)``
            and the like are fast.
        cluster: the column whose values are drawn: speaker, or dialogue for text. (utterance
            gives the usual bootstrap, too short where speakers differ.)
        n: how many resamples.
        seed: of the draws.
        level: share of such intervals that should contain the true value.

    Raises:
        ProtocolError: fewer than two clusters, a missing column or cluster, repeated rows.
    """
    number, clusters = numbered(frame, cluster)
    identified(frame)
    score = scorer(metric, frame, number, clusters)
    value = float(score(np.ones((1, clusters), int))[0])
    weights, redrawn = _draw(frame, metric, number, cluster, n, seed)
    low, high = map(float, expanded(quietly(score, weights), clusters, level))
    return Interval(value, low, high, clusters, redrawn)


def paired(
    frame_a: pd.DataFrame,
    frame_b: pd.DataFrame,
    metric: Callable,
    cluster: str = "speaker",
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> PairedResult:
    """The difference of two systems, its cluster-bootstrap interval, and a randomisation test.

    Equation: 3.6, with M = ``metric``, and a and b the frames.

    Args:
        frame_a: one system, as in `bootstrap`; the column utterance is needed.
        frame_b: the other, with the same utterances, folds and seeds in any order.
        metric: see `bootstrap`. It need not be a mean: predictions are swapped, not scores.
        cluster: the column whose values are drawn and swapped.
        n: how many resamples, and how many random swap patterns where not all are tried.
        seed: of the draws.
        level: see `bootstrap`.

    Raises:
        ProtocolError: as `bootstrap`; or the frames differ in rows, truth or cluster.
    """
    frame_a, frame_b = aligned(frame_a, frame_b, cluster)
    number, k = numbered(frame_a, cluster)
    # The clusters of b follow those of a, so one scorer serves every mixture of the two.
    both, numbers = pd.concat([frame_a, frame_b]), np.concatenate([number, number + k])
    score = scorer(metric, both, numbers, 2 * k)

    def difference(of_a: np.ndarray, of_b: np.ndarray) -> np.ndarray:
        a, b = np.concatenate([of_a, of_b], 1), np.concatenate([of_b, of_a], 1)
        return score(a) - score(b)

    once = np.ones((1, k), int)
    observed = float(difference(once, 0 * once)[0])
    weights, redrawn = _draw(frame_a, metric, number, cluster, n, seed)
    low, high = map(float, expanded(quietly(difference, weights, 0 * weights), k, level))
    pattern = swaps(k, n, np.random.default_rng(seed))
    swapped = np.abs(quietly(difference, 1 - pattern, pattern))
    p = share_as_extreme(swapped, np.array([abs(observed)]), k)
    return PairedResult(observed, low, high, float(p), smallest_p(k, n), k, redrawn)


def _draw(
    frame: pd.DataFrame, metric: Callable, number: np.ndarray, cluster: str, n: int, seed: int
) -> tuple[np.ndarray, int]:
    truth = frame["truth"].to_numpy()
    classes = on_counts(metric) is not None or not pd.api.types.is_numeric_dtype(truth)
    code, found = pd.factorize(truth if classes else np.zeros(len(truth)))
    presence = np.zeros((number.max() + 1, len(found)), bool)
    presence[number, code] = True
    weights, redrawn = draw(presence, n, np.random.default_rng(seed))
    if redrawn > (n + redrawn) / 10:
        warnings.warn(
            f"{redrawn} of {n + redrawn} resamples missed a class and were drawn again: some "
            f"class occurs in {presence.sum(0).min()} of {len(presence)} {cluster}s only",
            stacklevel=3,
        )
    return weights, redrawn
