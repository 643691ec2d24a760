"""What a fine-tuned CASN is fed: the word pieces of whole dialogues, packed without padding.

A turn has 3 to 500 pieces, so a padded batch would be mostly padding. Here all pieces of a batch
lie in one row of N; only attention, a small part of the work, sees padded groups.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_turns import Turns
from serlib.views import weights

_GROUPS = 6  # of spans of like length, in which attention is padded


@dataclass
class Spans:
    """Which pieces see each other: those of one span, a turn or a dialogue.

    Attributes:
        rows: per group, the piece in each place, (spans · longest,); padding points to any piece.
        padded: per group, where there is none, (spans, 1, 1, longest), bool.
        places: where each piece stands among all groups' places, (N,).
    """

    rows: list[Tensor]
    padded: list[Tensor]
    places: Tensor

    @classmethod
    def of(cls, lengths: np.ndarray) -> "Spans":
        """Make spans of the given numbers of pieces, which follow each other."""
        starts = np.cumsum(lengths) - lengths
        places, rows, padded, used = np.zeros(lengths.sum(), np.int64), [], [], 0
        order = np.argsort(lengths, kind="stable")
        for own in np.array_split(order, min(_GROUPS, len(order))):
            step = np.arange(lengths[own].max())
            there, row = step < lengths[own, None], starts[own, None] + step
            places[row[there]] = used + np.flatnonzero(there)
            rows.append(torch.from_numpy(np.where(there, row, starts[own, None]).ravel()))
            padded.append(torch.from_numpy(~there)[:, None, None])
            used += there.size
        return cls(rows, padded, torch.from_numpy(places))

    def to(self, place: torch.device | str) -> "Spans":
        """Move the tensors to a device."""
        rows, padded = ([x.to(place) for x in own] for own in (self.rows, self.padded))
        return Spans(rows, padded, self.places.to(place))


@dataclass
class WordTurns(Turns):
    """A batch of dialogues as word pieces; ``vectors`` holds the numbers of the turns' texts.

    Attributes:
        pieces: numbers of the N pieces of all turns, dialogue by dialogue, (N,).
        position: of the piece in its turn, (N,).
        slot: place of the piece's turn in the flattened (B, T), (N,).
        within: spans that are turns.
        across: spans that are dialogues.
    """

    pieces: Tensor
    position: Tensor
    slot: Tensor
    within: Spans
    across: Spans

    def to(self, place: torch.device | str) -> "WordTurns":
        """Move the tensors to a device."""
        return WordTurns(**{name: own.to(place) for name, own in vars(self).items()})


class Words(Dialogues):
    """The dialogues of a part of a corpus as word pieces; see `Dialogues`.

    Args:
        pieces: utterance → its pieces' numbers, see `word_pieces`.
        table: see `Dialogues`.
        utterances: see `Dialogues`.
        labels: see `Dialogues`.
        window: see `Dialogues`.
        plain: the share of the windows without any emotion that an epoch trains on, drawn anew
            each time: they are half of DailyDialog, and teach little.
        neutral: the label of no emotion.
    """

    def __init__(
        self,
        pieces: Mapping[str, Sequence[int]],
        table: pd.DataFrame,
        utterances: Sequence[str],
        labels: Sequence[str],
        window: int = 32,
        plain: float = 1.0,
        neutral: str = "neutral",
    ):
        super().__init__(
            {u: np.array([i]) for i, u in enumerate(pieces)}, table, utterances, labels, window
        )
        self.texts = [np.asarray(own, np.int64) for own in pieces.values()]
        marked = self.emotion.numpy() != self.labels.index(neutral)
        empty = [i for i, w in enumerate(self.windows) if not marked[w[0] : w[1]].any()]
        self.plain, self.skipped = empty, len(empty) - round(plain * len(empty))

    def collate(self, items: list[int]) -> dict[str, Turns | Tensor]:
        """Make a batch: ``dialogue``, a `WordTurns`; ``emotion`` of the classified turns."""
        batch = super().collate(items)
        turns = batch["dialogue"]
        texts = [self.texts[i] for i in turns.vectors[turns.present].long().flatten().tolist()]
        lengths = np.array([len(own) for own in texts])
        slots = np.flatnonzero(turns.present.numpy())
        whole = np.bincount(slots // turns.present.shape[1], lengths).astype(np.int64)
        words = WordTurns(
            **vars(turns),
            pieces=torch.from_numpy(np.concatenate(texts)),
            position=torch.from_numpy(np.concatenate([np.arange(n) for n in lengths])),
            slot=torch.from_numpy(np.repeat(slots, lengths)),
            within=Spans.of(lengths),
            across=Spans.of(whole),
        )
        return batch | {"dialogue": words}

    def batches(self, batch_size: int, generator: torch.Generator) -> list[list[int]]:
        """An epoch's batches, without the share of neutral windows that this epoch skips."""
        drawn = torch.randperm(len(self.plain), generator=generator)[: self.skipped].tolist()
        skipped = {self.plain[i] for i in drawn}
        kept = [i for batch in super().batches(1, generator) for i in batch if i not in skipped]
        made = []
        for start in range(0, len(kept), 32 * batch_size):
            group = sorted(kept[start : start + 32 * batch_size], key=self._turns)
            made += [group[i : i + batch_size] for i in range(0, len(group), batch_size)]
        return [made[i] for i in torch.randperm(len(made), generator=generator)]

    def _turns(self, i: int) -> int:
        return self.windows[i][1] - self.windows[i][0]


def word_pieces(texts: Mapping[str, str], model: str = "all-MiniLM-L6-v2") -> dict[str, list[int]]:
    """Cut texts into a model's word pieces, with its marks at both ends.

    Args:
        texts: utterance → text. What is longer than the model takes is cut there.
        model: see `serlib.views.Sentence`.
    """
    from transformers import AutoTokenizer

    folder = weights.find(model)
    with weights.loading(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return dict(zip(texts, tokenizer(list(texts.values()), truncation=True).input_ids, strict=True))
