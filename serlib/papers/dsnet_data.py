"""What DSNet is fed: clips of one length, and for each a neutral clip of the same speaker."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset

from serlib.errors import ProtocolError

REFERENCES = ("random", "first", "longest", "central", "opposite", "other")


def tile(frames: np.ndarray, length: int) -> np.ndarray:
    """Repeat a short clip, cut a long one, so that it has exactly ``length`` frames.

    Args:
        frames: (T, M).
        length: frames wanted, 100 a second.

    Returns:
        (length, M): the clip's first ``length`` frames, begun again as often as needed.
    """
    return np.take(frames, np.arange(length) % len(frames), axis=0)


def neutral_references(
    features: Mapping[str, np.ndarray],
    table: pd.DataFrame,
    utterances: Sequence[str],
    rule: str = "random",
    count: int = 1,
    seed: int = 0,
) -> dict[str, list[str]]:
    """Choose every speaker's neutral reference clips among the given utterances.

    The paper takes one clip at random and keeps it (``"random"``, 1); the released code draws
    anew each time among the first three (``"first"``, 3). ``"longest"``, ``"central"`` (nearest
    the speaker's mean neutral frame) and ``"opposite"`` (farthest from it) are the questions the
    paper leaves open. ``"other"`` is a control: neutral clips of *another* speaker.

    Args:
        features: utterance → (T, M).
        table: the corpus table; ``speaker`` and ``emotion`` are read.
        utterances: the training part; nothing else is ever a reference.
        rule: one of `REFERENCES`.
        count: how many clips a speaker; fewer where a speaker has fewer.
        seed: of the random choices.

    Returns:
        speaker → utterances.

    Raises:
        ProtocolError: the rule is unknown, or a speaker has no neutral utterance.
    """
    if rule not in REFERENCES:
        raise ProtocolError(f"reference rule {rule!r}: unknown; use one of {', '.join(REFERENCES)}")
    part = table.loc[list(utterances)]
    neutral = part[part["emotion"] == "neutral"]
    missing = sorted(set(part["speaker"]) - set(neutral["speaker"]))
    if missing:
        raise ProtocolError(
            f"speakers {', '.join(missing)}: no neutral utterance to calibrate with; "
            "leave them out, or use the variant 'base'"
        )
    rng = np.random.default_rng(seed)
    chosen = {
        speaker: _rank(features, list(clips.index), rule, rng)[:count]
        for speaker, clips in neutral.groupby("speaker", sort=True)
    }
    if rule == "other":
        speakers = list(chosen)
        return {s: chosen[speakers[i - 1]] for i, s in enumerate(speakers)}
    return chosen


def _rank(features, clips: list[str], rule: str, rng: np.random.Generator) -> list[str]:
    """Order a speaker's neutral clips, the rule's favourite first."""
    if rule == "first":
        return clips
    if rule == "longest":
        return sorted(clips, key=lambda u: -len(features[u]))
    if rule in ("central", "opposite"):
        means = np.stack([features[u].mean(0) for u in clips])
        distance = np.linalg.norm(means - means.mean(0), axis=1)
        order = np.argsort(distance if rule == "central" else -distance, kind="stable")
        return [clips[i] for i in order]
    return [clips[i] for i in rng.permutation(len(clips))]


class Clips(Dataset):
    """Clips of one length with their emotions, and the references of their speakers, if any.

    Args:
        features: utterance → (T, M) log filterbank.
        table: the corpus table; ``emotion`` and ``speaker`` are read.
        utterances: the part.
        labels: the emotions, in the order of the model's outputs.
        frames: length of every clip, 100 frames a second.
        references: speaker → utterances, from `neutral_references`, for the training part.
    """

    def __init__(self, features, table, utterances, labels, frames=600, references=None):
        self.features, self.frames, self.references = features, frames, references
        self.utterances = list(utterances)
        self.speakers = table.loc[self.utterances, "speaker"].tolist()
        index = {label: i for i, label in enumerate(labels)}
        self.emotions = [index[e] for e in table.loc[self.utterances, "emotion"]]

    def __len__(self):
        return len(self.utterances)

    def __getitem__(self, i: int) -> int:
        return i

    def _stack(self, utterances: Sequence[str]) -> torch.Tensor:
        clips = [tile(self.features[u], self.frames) for u in utterances]
        return torch.from_numpy(np.stack(clips).astype(np.float32, copy=False))

    def collate(self, items: list[int]) -> dict[str, torch.Tensor]:
        """Make a batch; each utterance draws one of its speaker's references, shared ones once."""
        batch = {
            "fbank": self._stack([self.utterances[i] for i in items]),
            "emotion": torch.tensor([self.emotions[i] for i in items]),
        }
        if self.references is None:
            return batch
        pools = [self.references[self.speakers[i]] for i in items]
        drawn = [pool[int(torch.randint(len(pool), ()))] for pool in pools]
        distinct = sorted(set(drawn))
        return batch | {
            "references": self._stack(distinct),
            "reference": torch.tensor([distinct.index(u) for u in drawn]),
        }
