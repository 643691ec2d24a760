"""What sentence and word-piece input cost: time per dialogue, and memory that training keeps."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from serlib.papers.casn import CASN
from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_turns import Turns
from serlib.papers.cost import parameters


class PieceDialogues(Dialogues):
    """Dialogues whose tokens are word pieces: a turn is as many of them as it has.

    ``window`` counts turns, as with sentences. Arguments as `Dialogues`, but for ``features``:
    utterance → (pieces, d).
    """

    def __init__(self, features, table: pd.DataFrame, utterances, labels, window: int = 32):
        means = {u: np.asarray(features[u]).mean(0) for u in _of(table, utterances)}
        super().__init__(means, table, utterances, labels, window)
        self.pieces = [torch.from_numpy(np.array(features[u], np.float32)) for u in self.ids]

    def collate(self, items: list[int]) -> dict[str, Turns | Tensor]:
        """Make a batch; ``dialogue`` holds pieces, and which turn each belongs to as ``owner``."""
        batch = super().collate(items)
        own = [self.pieces[slice(*self.windows[i][:2])] for i in items]
        length = max(sum(map(len, dialogue)) for dialogue in own)
        vectors = torch.zeros(len(items), length, self.matrix.shape[1])
        owner = torch.full((len(items), length), -1)
        for row, dialogue in enumerate(own):
            joined = torch.cat(dialogue)
            vectors[row, : len(joined)] = joined
            sizes = torch.tensor([len(turn) for turn in dialogue])
            owner[row, : len(joined)] = torch.arange(len(sizes)).repeat_interleave(sizes)
        turns, there = batch["dialogue"], owner >= 0
        role = turns.role.gather(1, owner.clamp(min=0))
        pieces = Pieces(vectors, there, turns.scored, role)
        pieces.owner = owner
        return batch | {"dialogue": pieces}


class Pieces(Turns):
    """As `Turns`, with P pieces in place of T turns; only ``scored`` stays (B, T).

    Attributes:
        owner: number of each piece's turn, (B, P), -1 where padded.
    """

    owner: Tensor

    def to(self, place: torch.device | str) -> "Pieces":
        """Move the tensors to a device."""
        moved = Pieces(*(x.to(place) for x in (self.vectors, self.present, self.scored, self.role)))
        moved.owner = self.owner.to(place)
        return moved


class PieceCASN(CASN):
    """CASN over word pieces: z of a turn is the mean over its contextual pieces.

    ``window`` of the encoder counts pieces: the longest dialogue must fit.
    """

    def vectors(self, turns: Pieces) -> Tensor:
        """Return z of the classified turns, (N, D)."""
        contextual = self.encoder(turns)
        sums = contextual.new_zeros(*turns.scored.shape, contextual.shape[-1])
        number = contextual.new_zeros(turns.scored.shape)
        index = turns.owner.clamp(min=0)
        sums.scatter_add_(1, index[..., None].expand_as(contextual), contextual * _01(turns))
        number.scatter_add_(1, index, _01(turns)[..., 0])
        return (sums / number.clamp(min=1)[..., None])[turns.scored]


def measure(module: CASN, data: Dialogues, batch_size: int = 32, batches: int = 10) -> dict:
    """Measure training steps and classification of dialogues of natural length.

    Args:
        module: what is measured; its weights are not changed.
        data: where the dialogues come from.
        batch_size: dialogues of a batch.
        batches: how many are timed, after one that is not; the median counts.

    Returns:
        ``train_ms`` and ``test_ms`` per dialogue; ``kept_mib``, the most that a step keeps of
        its activations for the backward pass (counted, so the same on every machine);
        ``tokens`` per dialogue; ``waste``, the padding; ``parameters``.
    """
    drawn = data.batches(batch_size, torch.Generator().manual_seed(0))[: batches + 1]
    rows = [_step(module, data.collate(items), len(items)) for items in drawn]
    timed = pd.DataFrame(rows[1:] or rows)
    return {
        "train_ms": float(timed["train_ms"].median()),
        "test_ms": float(timed["test_ms"].median()),
        "kept_mib": float(timed["kept"].max() / 2**20),
        "tokens": float(timed["tokens"].sum() / timed["dialogues"].sum()),
        "waste": float(1 - timed["tokens"].sum() / timed["places"].sum()),
        "parameters": parameters(module),
    }


def _step(module: CASN, batch: dict, dialogues: int) -> dict:
    turns, kept = batch["dialogue"], {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    module.train()
    start = time.perf_counter()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        loss = module.losses(batch)["loss"]
    loss.backward()
    trained = time.perf_counter()
    module.zero_grad()
    module.eval()
    begin = time.perf_counter()
    with torch.inference_mode():
        module(turns)
    weights = {p.untyped_storage().data_ptr() for p in module.parameters()}
    return {
        "train_ms": 1000 * (trained - start) / dialogues,
        "test_ms": 1000 * (time.perf_counter() - begin) / dialogues,
        "kept": sum(size for at, size in kept.items() if at not in weights),
        "tokens": int(turns.present.sum()),
        "places": turns.present.numel(),
        "dialogues": dialogues,
    }


def _01(turns: Turns) -> Tensor:
    return turns.present[..., None].to(turns.vectors.dtype)


def _of(table: pd.DataFrame, utterances: Sequence[str]) -> Mapping:
    """The turns of the dialogues that the utterances belong to."""
    own = table.loc[list(utterances), "dialogue"].unique()
    return table.index[table["dialogue"].isin(own)]
