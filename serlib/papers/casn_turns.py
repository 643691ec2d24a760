"""The turns of dialogues: padded in batches, cut into windows, with their classes and speakers."""

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from serlib.errors import ProtocolError
from serlib.protocols.checks import some

ROLES = 8
NOBODY = -1  # the code of an utterance that is context only


@dataclass
class Turns:
    """A batch of B dialogues (or windows of them), padded to the T turns of the longest.

    Attributes:
        vectors: utterance embeddings, (B, T, d), 0 where padded.
        present: where there is a turn, (B, T), bool.
        scored: which turns are classified, (B, T), bool; the others are context.
        role: number of the speaker in order of appearance, (B, T), below `ROLES`.
    """

    vectors: Tensor
    present: Tensor
    scored: Tensor
    role: Tensor

    def to(self, place: torch.device | str) -> "Turns":
        """Move the tensors to a device."""
        return Turns(*(getattr(self, field.name).to(place) for field in fields(self)))


def windows(length: int, size: int) -> list[tuple[slice, slice]]:
    """Cut a dialogue into windows so that each turn is classified once, with context around it.

    Windows of ``size`` turns begin every half window; a boundary between what two neighbours
    classify lies in the middle of what they share.

    Args:
        length: turns of the dialogue.
        size: turns of a window.

    Returns:
        Pairs of (turns of the window, those of them that it classifies), in dialogue positions.
    """
    if length <= size:
        return [(slice(0, length), slice(0, length))]
    stride = max(1, size // 2)
    starts = [*range(0, length - size, stride), length - size]
    pairs = pairwise(starts)
    edges = [0, *((after + before + size) // 2 for before, after in pairs), length]
    return [
        (slice(start, start + size), slice(low, high))
        for start, (low, high) in zip(starts, pairwise(edges), strict=True)
    ]


def codes_of(turns: pd.DataFrame, utterances: list[str], labels: tuple[str, ...]) -> np.ndarray:
    """The number of each turn's class, (turns,), or -1 if it is not of the part."""
    emotion = turns["emotion"].where(turns.index.isin(utterances))
    codes = pd.Index(labels).get_indexer(emotion)
    wrong = turns.index[(codes < 0) & turns.index.isin(utterances)]
    if len(wrong):
        raise ProtocolError(
            f"{len(wrong)} turns have no emotion among {list(labels)} ({some(wrong)}); "
            "score only labelled turns; the others may stay in the table as context"
        )
    return codes.astype(np.int64)


def roles_of(turns: pd.DataFrame) -> np.ndarray:
    """Number each dialogue's people by appearance, (turns,); 0 for all if nobody is named."""
    who = turns["role"] if "role" in turns else turns["speaker"]
    per_dialogue = who.fillna("").groupby(turns["dialogue"], sort=False)
    return (
        per_dialogue.transform(lambda own: pd.factorize(own)[0])
        .to_numpy(np.int64)
        .clip(max=ROLES - 1)
    )
