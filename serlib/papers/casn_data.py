"""What CASN is fed: dialogues as sequences of utterance vectors, in windows, batched by length."""

from collections.abc import Mapping, Sequence
from copy import copy

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from serlib.errors import ProtocolError
from serlib.papers.casn_turns import NOBODY, Turns, codes_of, roles_of, windows
from serlib.protocols.checks import some


class Dialogues(Dataset):
    """The dialogues of a part of a corpus, in windows sorted by length.

    All turns of the table that share a dialogue with the part are its context; those of the part
    are classified, each exactly once. ``scored`` names them in the order of the outputs.

    Args:
        features: utterance → (d,), for every turn of those dialogues.
        table: the corpus table; ``dialogue``, ``turn``, ``speaker`` (or ``role``) and ``emotion``
            are read.
        utterances: the part.
        labels: the emotions, in the order of the model's outputs.
        window: turns of a window; 1 takes every utterance by itself.

    Raises:
        ProtocolError: a turn without a vector, or a class that is not in ``labels``.
    """

    sampling = "natural"

    def __init__(
        self,
        features: Mapping[str, np.ndarray],
        table: pd.DataFrame,
        utterances: Sequence[str],
        labels: Sequence[str],
        window: int = 32,
    ):
        utterances, self.labels, self.window = list(utterances), tuple(labels), window
        own = table.loc[utterances, "dialogue"].unique()
        turns = table[table["dialogue"].isin(own)].sort_values(["dialogue", "turn"], kind="stable")
        if missing := [u for u in turns.index if u not in features]:
            raise ProtocolError(
                f"{len(missing)} turns have no vector ({some(missing)}); leave them out of the "
                "table first, e.g. the empty ones"
            )
        self.ids = turns.index.to_numpy()
        matrix = np.stack([features[u] for u in self.ids]).astype(np.float32, copy=False)
        # A last row of zeros is what padding points to.
        self.matrix = torch.from_numpy(np.concatenate([matrix, np.zeros_like(matrix[:1])]))
        self.emotion = torch.from_numpy(codes_of(turns, utterances, self.labels))
        self.role = torch.from_numpy(roles_of(turns))
        self._cut(turns["dialogue"])

    def _cut(self, dialogue: pd.Series) -> None:
        """Make the windows: rows of the matrix, and the range of them that is classified."""
        starts = np.flatnonzero(dialogue.ne(dialogue.shift()).to_numpy())
        found = []
        for start, end in zip(starts, [*starts[1:], len(dialogue)], strict=True):
            for turns, scored in windows(end - start, self.window):
                row = (turns.start, turns.stop, scored.start, scored.stop)
                codes = self.emotion[start + scored.start : start + scored.stop]
                if (codes != NOBODY).any():
                    found.append(tuple(int(start + x) for x in row))
        self.windows = sorted(found, key=lambda w: w[1] - w[0])
        self.scored = [
            self.ids[i] for w in self.windows for i in range(w[2], w[3]) if self.emotion[i] >= 0
        ]

    def __len__(self):
        return len(self.windows)

    def __getitem__(self, i: int) -> int:
        return i

    @property
    def truth(self) -> np.ndarray:
        """The classes of ``scored``, as numbers."""
        own = [self.emotion[w[2] : w[3]] for w in self.windows]
        codes = torch.cat(own).numpy()
        return codes[codes != NOBODY]

    def collate(self, items: list[int]) -> dict[str, Turns | Tensor]:
        """Make a batch: ``dialogue``, the padded turns; ``emotion`` of the classified ones."""
        first, last, low, high = torch.tensor([self.windows[i] for i in items]).T[:, :, None]
        rows = first + torch.arange(int((last - first).max()))
        present = rows < last
        rows = rows.where(present, len(self.ids))
        emotion = torch.cat([self.emotion, torch.tensor([NOBODY])])[rows]
        scored = (rows >= low) & (rows < high) & (emotion != NOBODY)
        role = torch.cat([self.role, torch.tensor([0])])[rows]
        turns = Turns(self.matrix[rows], present, scored, role)
        return {"dialogue": turns, "emotion": emotion[scored]}

    def sampled(self, how: str) -> "Dialogues":
        """Return the same windows, drawn otherwise for training.

        Args:
            how: ``"natural"``: an epoch has every window once. ``"inverse"``: as many windows,
                drawn with replacement and the probabilities of `window_weights`.
        """
        if how not in ("natural", "inverse"):
            raise ProtocolError(f"sampling {how!r}: unknown; use natural or inverse")
        other = copy(self)
        other.sampling = how
        return other

    def batches(self, batch_size: int, generator: torch.Generator) -> list[list[int]]:
        """An epoch's batches: windows in random order, of like length together.

        Lengths are sorted within groups of 32 batches, so what meets whom still changes.
        """
        size = len(self)
        if self.sampling == "inverse":
            order = torch.multinomial(self.window_weights(), size, True, generator=generator)
        else:
            order = torch.randperm(size, generator=generator)
        made = []
        for group in order.split(32 * batch_size):
            by_length = sorted(
                group.tolist(), key=lambda i: self.windows[i][1] - self.windows[i][0]
            )
            made += [by_length[i : i + batch_size] for i in range(0, len(by_length), batch_size)]
        return [made[i] for i in torch.randperm(len(made), generator=generator)]

    def window_weights(self) -> Tensor:
        """How likely each window is drawn: the mean inverse frequency of its classes, to sum 1.

        Equation: 6.3

        Returns:
            q, (windows,): of window j with classified turns t, q_j ∝ mean_t 1 / n(y_t), where n(c)
            counts class c in this part.
        """
        scored = self.emotion != NOBODY
        frequency = torch.bincount(self.emotion[scored], minlength=len(self.labels)).double()
        inverse = torch.where(scored, 1 / frequency[self.emotion.clamp(min=0)], 0.0)
        low, high = torch.tensor(self.windows)[:, 2:].T
        zero = torch.zeros(1, dtype=torch.double)
        sums, counts = (torch.cat([zero, x.double().cumsum(0)]) for x in (inverse, scored))
        weight = (sums[high] - sums[low]) / (counts[high] - counts[low])
        return weight / weight.sum()

    def waste(self, batches: Sequence[Sequence[int]]) -> float:
        """The share of padding in batches."""
        lengths = [[self.windows[i][1] - self.windows[i][0] for i in batch] for batch in batches]
        return 1 - sum(map(sum, lengths)) / sum(len(own) * max(own) for own in lengths)
