"""A corpus: a table of utterances, and the way from an utterance to its audio."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from serlib.corpora.audio import read_audio
from serlib.corpora.schema import EMOTIONS, validate
from serlib.errors import CorpusError, Problem


@dataclass(frozen=True, eq=False)
class Corpus:
    """Where utterances come from.

    Attributes:
        name: the adapter's name, e.g. ``"emodb"``.
        root: the folder that the table's paths are relative to.
        table: one row an utterance, in the form of ``serlib.corpora.schema.validate``.
        licence: the terms, in a few words.
        labels: the emotions to tell apart, in a fixed order; metrics take all of them.
        problems: what was left out (errors) or should be known (notes).
    """

    name: str
    root: Path
    table: pd.DataFrame
    licence: str
    labels: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    @classmethod
    def build(
        cls,
        name: str,
        root: Path,
        rows: Sequence[dict] | pd.DataFrame,
        *,
        licence: str,
        labels: Sequence[str],
        problems: Sequence[Problem] = (),
    ) -> "Corpus":
        """Make a corpus from rows (dicts with ``utterance`` and columns) after validating them.

        Raises:
            CorpusError: no row is left, or the table breaks the schema.
        """
        if len(rows) == 0:
            errors = [str(problem) for problem in problems if problem.severity == "error"]
            cause = f" ({len(errors)} left out, first: {errors[0]})" if errors else ""
            raise CorpusError(f"{name}: no utterance found in {root}{cause}")
        table = validate(pd.DataFrame(rows), root, name)
        return cls(name, Path(root), table, licence, tuple(labels), tuple(problems))

    def path(self, utterance: str) -> Path:
        """Return an utterance's audio file.

        Raises:
            CorpusError: no such utterance, or it is text without audio.
        """
        if utterance not in self.table.index:
            raise CorpusError(f"{self.name}: no utterance {utterance!r}; see its table's index")
        path = self.table.loc[utterance, "path"]
        if pd.isna(path):
            raise CorpusError(f"{self.name}: utterance {utterance!r} is text only, without audio")
        return self.root / path

    def audio(self, utterance: str) -> tuple[np.ndarray, int]:
        """Read an utterance: float32 waveform (samples,), one channel, and its rate in Hz.

        Raises:
            CorpusError: as ``path``.
            AudioError: as ``read_audio``.
        """
        path = self.path(utterance)
        row = self.table.loc[utterance]
        return read_audio(path, row["start"], row["end"])

    def select(self, emotions: Sequence[str] | None = None, **equals: object) -> "Corpus":
        """Keep the utterances of some emotions, and those whose columns equal the given values.

        ``"happiness+excitement"`` is one class made of both, which goes by that whole name in the
        table too; a part that this corpus lacks adds nothing, so that one task fits two corpora.

        Args:
            emotions: become the new corpus' ``labels``, in this order; None keeps all.
            equals: column=value, e.g. ``condition="studio"``.

        Raises:
            CorpusError: an unknown label or column, a label twice, or nothing is left.
        """
        table = self.table
        labels = self.labels if emotions is None else self._known(emotions)
        if emotions is not None:
            classes = self._classes(labels)
            named = table["emotion"].map(classes).astype(table["emotion"].dtype)
            table = table.assign(emotion=named)[named.notna()]
        for column, value in equals.items():
            if column not in table.columns:
                raise CorpusError(
                    f"{self.name}: no column {column!r} to select by; "
                    f"there are {', '.join(table.columns)}"
                )
            table = table[(table[column] == value).fillna(False)]
        if table.empty:
            asked = ", ".join([*labels, *(f"{k}={v}" for k, v in equals.items())])
            raise CorpusError(f"{self.name}: no utterance matches {asked}")
        return replace(self, table=table, labels=labels)

    def _known(self, emotions: Sequence[str]) -> tuple[str, ...]:
        if isinstance(emotions, str):
            emotions = (emotions,)
        for emotion in emotions:
            parts = (emotion, *emotion.split("+"))
            odd = [part for part in parts[1:] if part not in (*EMOTIONS, *self.labels)]
            if odd or not set(parts) & set(self.labels):
                raise CorpusError(
                    f"{self.name}: no emotion {(odd or [emotion])[0]!r}; "
                    f"it has {', '.join(self.labels)}"
                )
        return tuple(dict.fromkeys(emotions))

    def _classes(self, labels: Sequence[str]) -> dict[str, str]:
        """Map each emotion of the table to the class that it counts for."""
        classes: dict[str, str] = {}
        for label in labels:
            for part in dict.fromkeys((label, *label.split("+"))):
                if part in classes:
                    raise CorpusError(
                        f"{self.name}: {part!r} is in {classes[part]!r} and in {label!r}; "
                        "give it to one class"
                    )
                classes[part] = label
        return classes


def suggest(root: Path, name: str, *marks: str) -> str:
    """Return what to do when a folder is not the corpus': often its parent was given.

    Args:
        root: the folder that was given.
        name: the corpus.
        marks: patterns of what lies in the corpus' own folder.
    """
    for place in (root / name, root / "corpora" / name, root.parent):
        if any(any(place.glob(mark)) for mark in marks or ("wav", "Actor_*")):
            return f"did you mean {place}?"
    return "give the corpus' own folder"
