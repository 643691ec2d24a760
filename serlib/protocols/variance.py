"""How much of a score's spread is the speakers', and how much is left to chance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError


@dataclass(frozen=True)
class Components:
    """Where a score's variance comes from.

    Attributes:
        mean: over speakers.
        spread: standard deviation of the speakers' mean scores, as observed.
        low: lower end of its 95 % interval.
        high: upper end.
        between: standard deviation of the speakers' true means, what remains of ``spread`` with
            any number of utterances; 0 if ``spread`` is no more than chance gives.
        within: standard deviation of the utterances of one speaker.
        correlation: intraclass correlation, between² / (between² + within²).
        speakers: how many.
        size: utterances of a speaker (harmonic mean).
    """

    mean: float
    spread: float
    low: float
    high: float
    between: float
    within: float
    correlation: float
    speakers: int
    size: float


def components(score, speaker, level: float = 0.95) -> Components:
    """Split the variance of a score into the speakers' part and the rest.

    Equation: 3.7, with s = ``spread``, σ_b = ``between``, σ_w = ``within``, m = ``size``.

    Args:
        score: a number an utterance, (utterances,): 1 for a hit and 0 for an error; or the
            difference of two systems' hits.
        speaker: who spoke, (utterances,).
        level: of the interval of ``spread``, which takes the speakers' means as normal (χ²).

    Raises:
        ProtocolError: fewer than two speakers, or one with a single utterance.
    """
    from scipy.stats import chi2

    groups = pd.Series(np.asarray(score, float)).groupby(np.asarray(speaker))
    count, means = groups.size(), groups.mean()
    if len(count) < 2 or count.min() < 2:
        raise ProtocolError(
            f"{len(count)} speakers, the least with {count.min()} utterances: variance components "
            "need two speakers with two each, at least"
        )
    free = len(count) - 1
    spread, size = means.std(), 1 / (1 / count).mean()
    within = groups.var().mul(count - 1).sum() / (count - 1).sum()
    between = max(0.0, spread**2 - within / size)
    low, high = spread * np.sqrt(free / chi2.ppf([(1 + level) / 2, (1 - level) / 2], free))
    share = between / (between + within) if between + within else 0.0
    numbers = (means.mean(), spread, low, high, np.sqrt(between), np.sqrt(within), share)
    return Components(*map(float, numbers), speakers=len(count), size=float(size))
