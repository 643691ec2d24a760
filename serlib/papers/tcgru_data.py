"""What TC-GRU is fed: padded frames, grades on one scale, and how much the raters disagreed."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from serlib.errors import ProtocolError

DIMENSIONS = ("activation", "valence", "dominance")


def grades(
    table: pd.DataFrame,
    utterances: Sequence[str],
    scale: tuple[float, float],
    dimensions: Sequence[str] = DIMENSIONS,
) -> np.ndarray:
    """Return mean grades, brought from the corpus' scale to −1 … 1. CCC is the same on both.

    Args:
        table: the corpus table; the columns ``dimensions`` are read.
        utterances: the part.
        scale: lowest and highest grade, e.g. (1, 5) in IEMOCAP and (1, 7) in MSP-Podcast.
        dimensions: what was graded.

    Returns:
        (utterances, dimensions), float32.

    Raises:
        ProtocolError: an utterance without a grade, or with one outside the scale.
    """
    low, high = scale
    part = table.loc[list(utterances), list(dimensions)]
    for name, column in part.items():
        if (absent := part.index[column.isna()]).size:
            raise ProtocolError(
                f"{name}: {absent.size} utterances have no grade ({absent[0]}); leave them out"
            )
        if (outside := part.index[~column.between(low, high)]).size:
            raise ProtocolError(
                f"{name}: {outside.size} grades lie outside {low:g} to {high:g} ({outside[0]}: "
                f"{column[outside[0]]:g}); give the corpus' own scale"
            )
    return (2 * (part.to_numpy(np.float32) - low) / (high - low) - 1).astype(np.float32)


def variances(
    table: pd.DataFrame,
    utterances: Sequence[str],
    train: Sequence[str],
    dimensions: Sequence[str] = DIMENSIONS,
) -> np.ndarray:
    """Return how much the raters disagreed, as a share of the training part's largest variance.

    Equation: 8.8, with g_r = a rater's grade, R = ``raters``; the corpus table holds the variance
    within the bars, in ``<dimension>_var``.

    Args:
        table: the corpus table.
        utterances: the part.
        train: the training part, whose largest variance becomes 1.
        dimensions: what was graded.

    Returns:
        (utterances, dimensions), float32, NaN where one rater alone has graded: such an utterance
        is left out of the variance loss. Count them by ``np.isnan(v).any(1).sum()``.

    Raises:
        ProtocolError: no training utterance has two raters, or none of their raters disagree.
    """
    names = [f"{name}_var" for name in dimensions]
    known = table[names].astype(float)
    known.loc[(table["raters"] < 2).fillna(False).to_numpy(bool)] = np.nan
    largest = known.loc[list(train)].max()
    for name, value in largest.items():
        if not value > 0:
            raise ProtocolError(
                f"{name}: the training part has no disagreement to learn from; set the weight of "
                "the variances to 0"
            )
    return (known.loc[list(utterances)] / largest).to_numpy(np.float32)


class Utterances(Dataset):
    """Utterances as frames of any length, with their targets.

    Args:
        features: utterance → frames (T, D).
        utterances: the part.
        reduce: what makes (T, m) of the frames, e.g. a `saliency_select.Reduction`.
        grades: (utterances, K), from `grades`.
        variances: (utterances, K), from `variances`; None where they do not matter.
    """

    def __init__(
        self,
        features: Mapping[str, np.ndarray],
        utterances: Sequence[str],
        reduce: Callable[[np.ndarray], np.ndarray],
        grades: np.ndarray,
        variances: np.ndarray | None = None,
    ):
        self.features, self.utterances, self.reduce = features, list(utterances), reduce
        self.grades = torch.tensor(grades)
        unknown = np.full_like(grades, np.nan)
        self.variances = torch.tensor(unknown if variances is None else variances)

    def __len__(self):
        return len(self.utterances)

    def __getitem__(self, i: int) -> int:
        return i

    def collate(self, items: list[int]) -> dict[str, torch.Tensor]:
        """Make a batch: frames padded with zeros to the longest, and how long each really is."""
        clips = [torch.from_numpy(self.reduce(self.features[self.utterances[i]])) for i in items]
        return {
            "frames": torch.nn.utils.rnn.pad_sequence(clips, batch_first=True),
            "lengths": torch.tensor([len(clip) for clip in clips]),
            "grades": self.grades[items],
            "variances": self.variances[items],
        }
