"""PDDS: smooth how clear and ambiguous samples are spread over pairs (arXiv 2302.08650).

Raters agree on some utterances (*clear*) and are split between two emotions on others
(*ambiguous*). Per pair of emotions i, j the counts of clear i, ambiguous i with some j, ambiguous j
with some i, clear j are smoothed; what is then missing is mixed from clear samples (`pdds_data`).

Read beside chapter 7, after `pdds_votes`. Nothing here knows what a sample is made of.
"""

from itertools import combinations

import numpy as np
import pandas as pd

from serlib.errors import ParameterError, ProtocolError

DISTRIBUTIONS = ("original", "rarest", "uniform", "pdds")


def smoothed_counts(
    clear: pd.Series, ambiguous: pd.DataFrame, sigma: float = 1.0, normalize: bool = True
) -> pd.DataFrame:
    """Smooth the counts of each pair's two ambiguous bins with a Gaussian.

    Equation: 7.1, with n = the four bins [I, I_j, J_i, J] and σ = ``sigma``.

    Args:
        clear: clear samples per emotion.
        ambiguous: ambiguous samples, major × minor, the same emotions; the diagonal is not read.
        sigma: σ, in bins.
        normalize: divide the weights by their sum, so that a target can lie below its count.
            False is the formula as it is printed, under which none ever can.

    Returns:
        Targets, whole numbers, major × minor; the diagonal is 0.

    Raises:
        ParameterError: sigma is not above 0.
        ProtocolError: counts that are negative, or of other emotions than ``clear``.
    """
    if not sigma > 0:
        raise ParameterError(f"sigma {sigma}: must be above 0 (the paper's is 1)")
    _check_counts(clear, ambiguous)
    weight = np.exp(-1 / (2 * sigma**2))
    total = 1 + 2 * weight if normalize else 1.0
    # Every pair at once: entry (i, j) is the bin I_j, its neighbours are clear I and J_i.
    own = ambiguous.to_numpy(float)
    target = (weight * clear.to_numpy(float)[:, None] + own + weight * own.T) / total
    np.fill_diagonal(target, 0)
    return pd.DataFrame(np.rint(target).astype(int), clear.index, clear.index)


def _check_counts(clear: pd.Series, ambiguous: pd.DataFrame) -> None:
    if not (clear.index.equals(ambiguous.index) and clear.index.equals(ambiguous.columns)):
        raise ProtocolError(
            f"ambiguous counts: rows {list(ambiguous.index)} and columns {list(ambiguous.columns)} "
            f"must both be the emotions of the clear counts, {list(clear.index)}, in that order"
        )
    if (clear < 0).any() or (ambiguous.to_numpy() < 0).any():
        raise ProtocolError("counts: negative; they are numbers of samples")


def fill_rare(clear: pd.Series, target: int | None = None) -> pd.Series:
    """Raise the clear counts of rare emotions: those below half the median of all emotions.

    Args:
        clear: clear samples per emotion.
        target: what they are raised to. None: the smallest count that is not rare. (The paper
            brings happiness from 43 to 215 in IEMOCAP and leaves the other five as they are.)
    """
    rare = clear < clear.median() / 2
    target = int(clear[~rare].min()) if target is None else target
    return clear.where(~rare, clear.clip(lower=target))


def plan(
    clear: pd.Series,
    ambiguous: pd.DataFrame,
    distribution: str = "pdds",
    *,
    sigma: float = 1.0,
    normalize: bool = True,
    rare_target: int | None = None,
    uniform: int = 400,
) -> pd.DataFrame:
    """Say how many samples of each bin there are, should be, and have to be made.

    Args:
        clear: clear samples per emotion.
        ambiguous: ambiguous samples, major × minor.
        distribution: ``"original"``: as it is; ``"rarest"``: only rare clear classes are
            filled (see `fill_rare`); ``"uniform"``: that, and every ambiguous bin up to
            ``uniform``; ``"pdds"``: that, and every ambiguous bin up to its smoothed count.
        sigma: see `smoothed_counts`.
        normalize: see `smoothed_counts`.
        rare_target: see `fill_rare`.
        uniform: see ``distribution``.

    Returns:
        One row a bin: ``major``, ``minor`` (the same for a clear bin), ``original``, ``target``
        and ``made`` = what the target exceeds the original by; originals are never dropped.

    Raises:
        ParameterError: an unknown distribution, or sigma.
        ProtocolError: samples must be mixed of a class that has no clear one; or malformed counts.
    """
    if distribution not in DISTRIBUTIONS:
        raise ParameterError(f"distribution {distribution!r}: use one of {DISTRIBUTIONS}")
    _check_counts(clear, ambiguous)
    filled = clear if distribution == "original" else fill_rare(clear, rare_target)
    targets = {
        "pdds": lambda: smoothed_counts(filled, ambiguous, sigma, normalize),
        "uniform": lambda: ambiguous * 0 + uniform,
    }.get(distribution, lambda: ambiguous)()
    rows = [(e, e, clear[e], filled[e]) for e in clear.index]
    for i, j in combinations(clear.index, 2):
        rows += [(a, b, ambiguous.loc[a, b], targets.loc[a, b]) for a, b in ((i, j), (j, i))]
    bins = pd.DataFrame(rows, columns=["major", "minor", "original", "target"])
    bins["made"] = (bins["target"] - bins["original"]).clip(lower=0)
    _can_be_made(bins, clear)
    return bins


def _can_be_made(bins: pd.DataFrame, clear: pd.Series) -> None:
    needed = bins[bins["made"] > 0]
    for emotion in clear.index[clear == 0]:
        if emotion in {*needed["major"], *needed["minor"]}:
            raise ProtocolError(
                f"emotion {emotion!r}: no clear sample of it to mix with; leave it out of the "
                "labels, or take the distribution 'original'"
            )
