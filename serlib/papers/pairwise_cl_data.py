"""What Pairwise-CL is fed: views of one utterance side by side, and the parts to train on."""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from serlib.errors import ParameterError, ProtocolError
from serlib.papers.pairwise_cl_views import Arrays
from serlib.protocols.folds import Fold

EMOTIONS = ("target", "all", "other")


def padded(arrays: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stack arrays of any length, (B, T, …) and lengths (B,); a vector is one frame long."""
    frames = [torch.from_numpy(np.array(a[None] if a.ndim == 1 else a, np.float32)) for a in arrays]
    return pad_sequence(frames, batch_first=True), torch.tensor([len(f) for f in frames])


class Views(Dataset):
    """Utterances seen in several views, joined by their ids, never by position.

    Args:
        features: view → utterance → array.
        utterances: the part.

    Attributes:
        utterances: those that every view has.
        missing: utterance → the views that lack it; named on stderr, and left out of all views.

    Raises:
        ProtocolError: no utterance is in all views.
    """

    def __init__(self, features: Mapping[str, Arrays], utterances: Sequence[str]):
        self.features = dict(features)
        lacking = {u: [v for v, of in self.features.items() if u not in of] for u in utterances}
        self.missing = {u: views for u, views in lacking.items() if views}
        self.utterances = [u for u in lacking if u not in self.missing]
        if not self.utterances:
            raise ProtocolError(
                f"none of {len(lacking)} utterances is in all views ({', '.join(self.features)}); "
                "load every view of the same corpus"
            )
        if self.missing:
            named = "; ".join(f"{u} (not in {', '.join(v)})" for u, v in self.missing.items())
            print(
                f"views: {len(self.missing)} of {len(lacking)} left out: {named}", file=sys.stderr
            )

    def __len__(self):
        return len(self.utterances)

    def __getitem__(self, i: int) -> str:
        return self.utterances[i]

    def collate(self, items: Sequence[str]) -> dict:
        """Make a batch: ``views``, view → (arrays (B, T, …), lengths (B,)), rows in one order."""
        return {"views": {v: padded([of[u] for u in items]) for v, of in self.features.items()}}


class Labelled(Dataset):
    """Utterances of one view with their emotions.

    Args:
        features: utterance → array.
        table: the corpus table; ``emotion`` is read.
        utterances: the part.
        labels: the emotions, in the order of the outputs.
        least: so many an epoch at least, repeated if there are fewer: with five labelled
            utterances, validation would else be nearly all the work.
    """

    def __init__(self, features: Arrays, table, utterances, labels, least: int = 0):
        self.features, self.utterances = features, list(utterances)
        index = {label: i for i, label in enumerate(labels)}
        self.emotions = [index[e] for e in table.loc[self.utterances, "emotion"]]
        self.length = max(len(self.utterances), least)

    def __len__(self):
        return self.length

    def __getitem__(self, i: int) -> int:
        return i % len(self.utterances)

    def collate(self, items: Sequence[int]) -> dict:
        """Make a batch: ``view``, (arrays (B, T, …), lengths (B,)), and ``emotion`` (B,)."""
        view = padded([self.features[self.utterances[i]] for i in items])
        return {"view": view, "emotion": torch.tensor([self.emotions[i] for i in items])}


def pretraining_part(
    table: pd.DataFrame,
    fold: Fold,
    labels: Sequence[str],
    *,
    emotions: str = "all",
    transductive: bool = False,
    size: int | None = None,
    seed: int = 0,
) -> tuple[list[str], list[str]]:
    """Choose what is pre-trained on, and what says when to stop: the fold's own speakers.

    Args:
        table: the corpus with all its emotions; ``speaker`` and ``emotion`` are read.
        fold: of the labelled task, whole speakers a part.
        labels: the task's emotions.
        emotions: ``"target"`` (the task's), ``"all"``, or ``"other"`` (all but the task's).
        transductive: add the test speakers' utterances, unlabelled: what leaking them would give.
        size: so many training utterances, drawn at random; None takes all.
        seed: of the draw; a smaller size is contained in a larger one.

    Returns:
        Utterances of the training and of the validation speakers.

    Raises:
        ParameterError: ``emotions`` is none of the three.
        ProtocolError: fewer training utterances than asked for, or fewer than two in a part.
    """
    if emotions not in EMOTIONS:
        raise ParameterError(f"emotions {emotions!r}: use one of {', '.join(EMOTIONS)}")
    known = table["emotion"].isin(list(labels))
    chosen = table[{"target": known, "all": known | True, "other": ~known}[emotions]]
    sources = [fold.train + (fold.test if transductive else ()), fold.dev]
    train, dev = (
        list(chosen.index[chosen["speaker"].isin(table.loc[list(part), "speaker"])])
        for part in sources
    )
    if min(len(train), len(dev)) < 2 or len(train) < (size or 2):
        raise ProtocolError(
            f"fold {fold.name}, emotions {emotions!r}: {len(train)} training and {len(dev)} "
            f"validation utterances; {size or 2} and 2 are needed"
        )
    if size is not None:
        kept = set(np.random.default_rng(seed).permutation(train)[:size])
        train = [u for u in train if u in kept]
    return train, dev
