"""PDDS as a training set: utterances with their votes, and mixtures made when asked for."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from serlib.errors import ProtocolError
from serlib.papers.pdds import plan
from serlib.papers.pdds_mixup import draw, mix
from serlib.papers.pdds_votes import ambiguity, sample_counts, vote_shares

Features = Mapping[str, Mapping[str, np.ndarray]]


class Standardised(Mapping):
    """Features z-scored per dimension by the training part, each when it is asked for.

    Args:
        features: utterance → (T, D) or (D,).
        train: the training part, whose frames give mean and standard deviation. A dimension that
            is constant there is only centred.
    """

    def __init__(self, features: Mapping[str, np.ndarray], train: Sequence[str]):
        self.features = features
        count, total, square = 0, 0.0, 0.0
        for utterance in train:
            frames = np.atleast_2d(features[utterance]).astype(float)
            count += len(frames)
            total, square = total + frames.sum(0), square + (frames**2).sum(0)
        self.mean = total / count
        deviation = np.sqrt(np.maximum(square / count - self.mean**2, 0))
        self.deviation = np.where(deviation > 1e-6, deviation, 1.0)

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Return the utterance's z-scored features, float32."""
        scaled = (self.features[utterance] - self.mean) / self.deviation
        return scaled.astype(np.float32)

    def __iter__(self):
        return iter(self.features)

    def __len__(self):
        return len(self.features)

    def __contains__(self, utterance: object) -> bool:
        # Mapping's own would compute the features to find out.
        return utterance in self.features


class Samples(Dataset):
    """Utterances with the raters' votes as targets, and mixtures of them, made when asked for.

    Args:
        features: modality → utterance → (T, D) or (D,).
        table: the corpus' table; ``votes`` and ``emotion`` are read.
        utterances: the part; each must be there in every modality.
        labels: the emotions, in the order of the targets.
        mixtures: from `draw`; None for a part that is not augmented.

    Attributes:
        left_out: utterances without a vote or label among ``labels``.

    Raises:
        ProtocolError: an utterance lacks a modality.
    """

    def __init__(
        self,
        features: Features,
        table: pd.DataFrame,
        utterances: Sequence[str],
        labels: Sequence[str],
        mixtures: pd.DataFrame | None = None,
    ):
        _all_there(features, utterances)
        self.features, self.labels = features, tuple(labels)
        targets = {
            u: vote_shares(row.votes, labels, row.emotion)
            for u, row in zip(utterances, table.loc[list(utterances)].itertuples(), strict=True)
        }
        self.targets = {u: target for u, target in targets.items() if target is not None}
        self.left_out = [u for u, target in targets.items() if target is None]
        self.utterances = list(self.targets)
        rows = [] if mixtures is None else mixtures.itertuples(index=False)
        self.mixtures = [(row.first, row.second, row.p) for row in rows]

    def __len__(self):
        return len(self.utterances) + len(self.mixtures)

    def __getitem__(self, i: int) -> dict[str, np.ndarray]:
        """One sample: each modality's array, and ``target``, (emotions,)."""
        parts = self.features | {"target": self.targets}
        if i < len(self.utterances):
            return {name: part[self.utterances[i]] for name, part in parts.items()}
        first, second, p = self.mixtures[i - len(self.utterances)]
        return {name: mix(part[first], part[second], p) for name, part in parts.items()}

    def collate(self, items: Sequence[dict[str, np.ndarray]]) -> dict:
        """Pad a batch.

        Returns:
            ``features``: modality → (arrays (B, T, D), lengths (B,)); ``target`` (B, emotions);
            ``emotion`` (B,), the target's largest.
        """
        target = torch.from_numpy(np.stack([x["target"] for x in items])).float()
        features = {name: _padded([x[name] for x in items]) for name in self.features}
        return {"features": features, "target": target, "emotion": target.argmax(1)}


def _padded(arrays: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    sequences = [torch.from_numpy(np.atleast_2d(x).astype(np.float32)) for x in arrays]
    lengths = torch.tensor([len(x) for x in sequences])
    return pad_sequence(sequences, batch_first=True), lengths


def _all_there(features: Features, utterances: Sequence[str]) -> None:
    for modality, of in features.items():
        missing = [u for u in utterances if u not in of]
        if missing:
            raise ProtocolError(
                f"{modality}: {len(missing)} of {len(utterances)} utterances are missing, "
                f"e.g. {missing[0]}; mixing needs every modality: leave them out of the part"
            )


def pdds(
    features: Features,
    table: pd.DataFrame,
    utterances: Sequence[str],
    labels: Sequence[str],
    distribution: str = "pdds",
    *,
    p: float = 0.8,
    seed: int = 0,
    **how: object,
) -> Samples:
    """Make the training set of a distribution: all originals, and what it lacks, mixed.

    Args:
        features: modality → utterance → (T, D) or (D,); all are mixed by the same pair and p.
        table: the corpus' table; ``votes`` and ``emotion`` are read.
        utterances: the training part; nothing else is counted or mixed.
        labels: the emotions.
        distribution: one of `pdds.DISTRIBUTIONS`.
        p: the major's share, in [0.5, 1].
        seed: of the choice of pairs.
        how: sigma, normalize, rare_target, uniform; see `pdds.plan`.

    Raises:
        ParameterError: p, sigma or the distribution is not a valid one.
        ProtocolError: a class has no clear sample, or an utterance lacks a modality.
    """
    kinds = ambiguity(table.loc[list(utterances), "votes"].to_dict(), labels)
    bins = plan(*sample_counts(kinds, labels), distribution, **how)
    return Samples(features, table, utterances, labels, draw(bins, kinds, p, seed))
