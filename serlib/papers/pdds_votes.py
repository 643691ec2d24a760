"""What raters' votes make of an utterance: clear, ambiguous, or neither; and how many there are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

KINDS = ("clear", "ambiguous", "tie", "three or more", "one rater", "outside", "no votes")


def ambiguity(votes: Mapping[str, Mapping[str, int]], labels: Sequence[str]) -> pd.DataFrame:
    """Say what the raters' votes make of each utterance.

    - ``clear``: two or more raters, all of one mind;
    - ``ambiguous``: exactly two emotions, one with strictly more votes;
    - ``tie``: two emotions, equally often; ``three or more`` emotions; ``one rater``, so that
      agreement cannot be seen; ``outside``: a vote for an emotion that is not in ``labels``;
      ``no votes``. These enter no count and are never mixed; they stay in the training set.

    Args:
        votes: utterance → emotion → raters who chose it; a missing value counts as no votes.
        labels: the emotions.

    Returns:
        One row an utterance, in order: ``kind``, and for the first two ``major`` and ``minor``
        (a clear sample's minor is its major).
    """
    known = frozenset(labels)
    rows = [_ambiguity(given, known) for given in votes.values()]
    index = pd.Index(list(votes), name="utterance")
    return pd.DataFrame(rows, index, ["kind", "major", "minor"], dtype=object)


def _ambiguity(given: object, known: frozenset[str]) -> tuple[str, str | None, str | None]:
    cast = {e: n for e, n in given.items() if n > 0} if isinstance(given, Mapping) else {}
    if not cast:
        return "no votes", None, None
    if not cast.keys() <= known:
        return "outside", None, None
    if sum(cast.values()) == 1:
        return "one rater", None, None
    if len(cast) > 2:
        return "three or more", None, None
    major, minor = max(cast, key=cast.get), min(cast, key=cast.get)
    if len(cast) == 2 and cast[major] == cast[minor]:
        return "tie", None, None
    return ("clear" if len(cast) == 1 else "ambiguous"), major, minor


def sample_counts(kinds: pd.DataFrame, labels: Sequence[str]) -> tuple[pd.Series, pd.DataFrame]:
    """Count clear samples per emotion, and ambiguous ones per major (rows) and minor (columns).

    Args:
        kinds: from `ambiguity`.
        labels: the emotions, in the order wanted.
    """
    counted = kinds[kinds["kind"].isin(["clear", "ambiguous"])]
    where = [pd.Index(labels).get_indexer(counted[column]) for column in ("major", "minor")]
    # A clear sample's minor is its major: the diagonal holds the clear ones.
    both = np.zeros((len(labels), len(labels)), int)
    np.add.at(both, tuple(where), 1)
    clear = pd.Series(both.diagonal().copy(), labels, name="clear")
    np.fill_diagonal(both, 0)
    return clear, pd.DataFrame(both, labels, labels)


def vote_shares(given: object, labels: Sequence[str], emotion: object = None) -> np.ndarray | None:
    """Return an utterance's training target: its votes, as shares over the emotions.

    Votes for other emotions do not count. Without any vote that does, the target is ``emotion``.

    Args:
        given: emotion → raters who chose it; anything else counts as no votes.
        labels: the emotions, in the order of the shares.
        emotion: the utterance's label, if it has one.

    Returns:
        (emotions,), summing to 1; None if there is neither a vote nor a label among ``labels``.
    """
    votes = given if isinstance(given, Mapping) else {}
    shares = np.array([max(votes.get(label, 0), 0) for label in labels], float)
    if not shares.any():
        shares = np.array([emotion is not pd.NA and label == emotion for label in labels], float)
    return shares / shares.sum() if shares.any() else None
