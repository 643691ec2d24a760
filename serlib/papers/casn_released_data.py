"""What CASN as released is fed: dialogues as one vector, and resampled utterances."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

UTTERANCES = 15
FILLER_MEAN, FILLER_VARIANCE = 2.19e-4, 2.60e-3
RESAMPLED = {
    "neutral": 2000,
    "anger": 500,
    "disgust": 500,
    "fear": 300,
    "happiness": 2000,
    "sadness": 300,
    "surprise": 1000,
}


def flatten(
    features: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    utterances: Sequence[str],
    labels: Sequence[str],
    seed: int,
) -> tuple[Tensor, Tensor, list[str]]:
    """Make one vector of each dialogue: its first 15 utterances, the missing ones Gaussian noise.

    Equation: 6.10

    Args:
        features: utterance → e, (d,).
        table: the corpus table; ``dialogue``, ``turn`` and ``emotion`` are read.
        utterances: the part. What comes after a dialogue's fifteenth is *dropped*, as released.
        labels: the emotions.
        seed: of the noise, N(2.19e-4, 2.60e-3) an entry (mean, variance).

    Returns:
        x, (dialogues, 15 · d): the concatenation [e_1; …; e_15]; classes (dialogues, 15), −1 where
        there is no utterance; and the utterances that were kept, in that order.
    """
    part = table.loc[list(utterances)].sort_values(["dialogue", "turn"], kind="stable")
    place = part.groupby("dialogue", sort=False).cumcount().to_numpy()
    number = pd.factorize(part["dialogue"])[0]
    kept = place < UTTERANCES
    part, place, number = part[kept], place[kept], number[kept]
    vectors = np.stack([features[u] for u in part.index])
    shape = (number.max() + 1, UTTERANCES, vectors.shape[1])
    x = np.random.default_rng(seed).normal(FILLER_MEAN, FILLER_VARIANCE**0.5, shape)
    emotion = np.full(shape[:2], -1)
    x[number, place] = vectors
    emotion[number, place] = pd.Index(labels).get_indexer(part["emotion"])
    flat = torch.from_numpy(x.reshape(len(x), -1).astype(np.float32))
    return flat, torch.from_numpy(emotion), part.index.tolist()


class Utterances(Dataset):
    """Utterances by themselves, for step one: ``vectors`` (N, d) and ``emotion`` (N,)."""

    def __init__(self, vectors: np.ndarray, emotion: np.ndarray):
        self.vectors, self.emotion = torch.tensor(vectors), torch.tensor(emotion)

    def __len__(self):
        return len(self.vectors)

    def __getitem__(self, i: int) -> int:
        return i

    def collate(self, items: list[int]) -> dict[str, Tensor]:
        """Make a batch."""
        return {"vectors": self.vectors[items], "emotion": self.emotion[items]}


def resample(emotion: Sequence[str], seed: int, counts: Mapping[str, int] = RESAMPLED) -> list[int]:
    """Draw so many utterances of each emotion, with replacement; their row numbers."""
    rng, emotion = np.random.default_rng(seed), np.asarray(emotion)
    rows = {name: np.flatnonzero(emotion == name) for name in counts}
    return [
        int(i) for name, n in counts.items() if len(rows[name]) for i in rng.choice(rows[name], n)
    ]
