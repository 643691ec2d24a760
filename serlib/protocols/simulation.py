"""What intervals and tests do where the truth is known: speakers are drawn, and then scored."""

import numpy as np

from serlib.errors import ProtocolError
from serlib.protocols.resampling import expanded, share_as_extreme, swaps


def design_effect(correlation: float, size: float) -> float:
    """How many times larger a mean's variance is than if utterances were independent.

    Equation: 3.5, with ρ = ``correlation`` and m = ``size``. Source: Kish 1965, *Survey Sampling*.

    Args:
        correlation: intraclass correlation, the speakers' share of the variance of a score.
        size: utterances of a speaker.
    """
    return 1 + (size - 1) * correlation


def coverage(
    spread: float,
    speakers: int = 10,
    utterances: int = 50,
    accuracy: float = 0.7,
    runs: int = 1000,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, float]:
    """How often two kinds of interval contain the true accuracy.

    A speaker's own accuracy is drawn from a beta distribution, then that speaker's hits. The truth
    is the mean over all speakers there could be. ``independent`` is the bootstrap over utterances
    (with infinitely many resamples: binomial quantiles), ``clustered`` that of
    `protocols.bootstrap`.

    Args:
        spread: standard deviation of the speakers' accuracies, below √(accuracy (1 − accuracy)).
        speakers: how many are tested.
        utterances: of each.
        accuracy: the true one.
        runs: simulated experiments.
        resamples: of each clustered interval.
        seed: of all draws.
        level: of both intervals.

    Returns:
        ``independent`` and ``clustered``, shares of the runs; ``independent width`` and
        ``clustered width``, mean widths.

    Raises:
        ProtocolError: an impossible spread.
    """
    from scipy.stats import binom

    rng = np.random.default_rng(seed)
    own = _accuracies(accuracy, spread, (runs, speakers), rng)
    hits, total = rng.binomial(utterances, own), speakers * utterances
    pooled, tail = hits.sum(1) / total, (1 - level) / 2
    weights = rng.multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)
    means = weights.astype(float) @ (hits.T / total)
    ends = {
        "independent": binom.ppf([[tail], [1 - tail]], total, pooled) / total,
        "clustered": np.array(expanded(means, speakers, level)),
    }
    found = {}
    for name, (low, high) in ends.items():
        found[name] = float(((low <= accuracy) & (accuracy <= high)).mean())
        found[f"{name} width"] = float((high - low).mean())
    return found


def simulated_p(
    difference: float,
    spread: float,
    speakers: int,
    runs: int = 1000,
    patterns: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """P-values of the paired test in experiments whose true difference is known.

    Each speaker's difference is drawn from a normal distribution; the test is that of
    `protocols.paired`.

    Args:
        difference: the true one, the mean over all speakers there could be.
        spread: standard deviation of a speaker's difference, as `components` estimates it.
        speakers: how many are tested.
        runs: simulated experiments.
        patterns: random swaps where not all are tried.
        seed: of all draws.

    Returns:
        One p a run, (runs,).
    """
    rng = np.random.default_rng(seed)
    drawn = rng.normal(difference, spread, (runs, speakers))
    signs = 1.0 - 2 * swaps(speakers, patterns, rng)
    swapped = np.abs(drawn @ signs.T) / speakers
    return share_as_extreme(swapped, np.abs(drawn.mean(1, keepdims=True)), speakers)


def power(
    difference: float, spread: float, speakers: int, level: float = 0.05, **options: int
) -> float:
    """How often the paired test sees a true difference: the share of `simulated_p` below a level.

    0 for five speakers or fewer, whatever the difference. ``options`` are those of `simulated_p`.
    """
    return float((simulated_p(difference, spread, speakers, **options) < level).mean())


def _accuracies(mean: float, spread: float, shape: tuple, rng: np.random.Generator) -> np.ndarray:
    if not 0 < mean < 1 or not 0 <= spread**2 < mean * (1 - mean):
        raise ProtocolError(
            f"accuracy {mean} with spread {spread}: needs 0 < accuracy < 1 and a spread below "
            "sqrt(accuracy * (1 - accuracy))"
        )
    if spread == 0:
        return np.full(shape, mean)
    both = mean * (1 - mean) / spread**2 - 1
    return rng.beta(mean * both, (1 - mean) * both, shape)
