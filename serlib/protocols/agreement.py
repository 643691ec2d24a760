"""How much raters agree, from the counts of their votes or the spread of their grades.

Krippendorff's alpha takes any number of raters a clip, which Fleiss' kappa does not: crowds rarely
give every clip the same number. Source: Krippendorff 2011, *Computing Krippendorff's
Alpha-Reliability*, University of Pennsylvania.
"""

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError


def vote_counts(votes: pd.Series) -> pd.DataFrame:
    """Spread a corpus' ``votes`` into counts: one row an utterance, one column an emotion.

    Args:
        votes: mappings from emotion to count, by utterance; NA is left out.
    """
    known = votes.dropna()
    counts = pd.DataFrame(known.tolist(), index=known.index).fillna(0).astype(int)
    return counts.reindex(columns=sorted(counts.columns))


def alpha_votes(counts: np.ndarray | pd.DataFrame) -> float:
    """Krippendorff's alpha for categories: 1 is perfect agreement, 0 what shuffled votes give.

    Equation: 1.1

    Args:
        counts: n_uk, votes of clip u for category k, (clips, categories). A clip with fewer than
            two votes says nothing about agreement and is left out.

    Raises:
        ProtocolError: no clip has two votes, or all votes are for one category.
    """
    counts = np.asarray(counts, float)
    m = counts.sum(1)
    counts, m = counts[m > 1], m[m > 1]
    n = m.sum()
    if not n:
        raise ProtocolError("no clip has two votes; agreement needs two raters of one clip")
    observed = ((m**2 - (counts**2).sum(1)) / (m - 1)).sum() / n
    return 1 - observed / _expected(counts.sum(0))


def _expected(totals: np.ndarray) -> float:
    """Share of unequal pairs among all votes, whoever and whatever they are for."""
    n = totals.sum()
    unequal = n**2 - (totals**2).sum()
    if not unequal:
        raise ProtocolError("all votes are for one category; agreement by chance is then certain")
    return unequal / (n * (n - 1))


def alpha_grades(mean: np.ndarray, variance: np.ndarray, raters: np.ndarray) -> float:
    """Krippendorff's alpha for grades on a scale, from each clip's mean and variance.

    Equation: 1.2

    Args:
        mean: of a clip's grades, (clips,).
        variance: of the same, divided by their number (population variance), (clips,).
        raters: m_u, how many grades a clip has, (clips,); those with fewer than two are left out.

    Raises:
        ProtocolError: no clip has two grades, or all grades are equal.
    """
    mean, variance, m = (np.asarray(part, float) for part in (mean, variance, raters))
    kept = m > 1
    mean, variance, m = mean[kept], variance[kept], m[kept]
    n = m.sum()
    if not n:
        raise ProtocolError("no clip has two grades; agreement needs two raters of one clip")
    within = (m**2 * variance / (m - 1)).sum() / n
    total = (m * (variance + (mean - (m * mean).sum() / n) ** 2)).sum() / (n - 1)
    if not total:
        raise ProtocolError("all grades are equal; agreement by chance is then certain")
    return float(1 - within / total)
