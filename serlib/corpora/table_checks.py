"""The checks of one's own table, row by row: what is wrong, in which rows, and what to do."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from serlib.corpora.schema import EMOTIONS, GENDERS, SPLITS, is_votes, leaves
from serlib.errors import CorpusError, Problem

_NUMBERS = ("start", "end", "activation", "valence", "dominance")
_NUMBERS += ("activation_var", "valence_var", "dominance_var")
_WHOLE = ("turn", "raters")
_GENDERS = {"f": "female", "m": "male"}
_SPLITS = {"development": "dev", "val": "dev", "valid": "dev", "validation": "dev"}


class Rows:
    """The rows that are still good, and the problems of the others.

    Attributes:
        frame: the rows, indexed by their number in the file.
        problems: one for each row that is left out, and the notes.
    """

    def __init__(
        self, frame: pd.DataFrame, file: Path, root: Path, audio: str, emotions: dict[str, str]
    ) -> None:
        self.frame, self.file, self.emotions = frame, file.name, emotions
        self.audio = PurePosixPath(str(audio).replace("\\", "/"))
        if leaves(str(self.audio), root.resolve()) or not (root / self.audio).is_dir():
            raise CorpusError(f"table: no folder {audio!r} inside {root}; check audio")
        self.folder = (root / self.audio).resolve()
        self.problems: list[Problem] = []

    def report(
        self,
        mask: pd.Series,
        column: str,
        reason: str,
        action: str | Callable[[object], str] = "",
    ) -> None:
        """Leave out the masked rows, each with a problem that names its value of ``column``."""
        for number, value in self.frame.loc[mask, column].items():
            todo = action(value) if callable(action) else action
            where = f"{self.file} row {number}"
            self.problems.append(Problem(where, reason.format(repr(value)), todo))
        self.frame = self.frame[~mask]

    def note(self, mask: pd.Series, reason: str, action: str) -> None:
        """Keep the masked rows, but say so."""
        for number in self.frame.index[mask]:
            self.problems.append(Problem(f"{self.file} row {number}", reason, action, "note"))


def _speakers(rows: Rows) -> None:
    missing = rows.frame["speaker"].isna()
    rows.report(missing, "speaker", "has no speaker", "name one: tests keep speakers apart")


def _ids(rows: Rows) -> None:
    if "utterance" in rows.frame:
        missing = rows.frame["utterance"].isna()
        rows.report(missing, "utterance", "has no utterance", "give every row its own")
        ids = rows.frame["utterance"].astype("str")
    elif "path" in rows.frame:
        missing = rows.frame["path"].isna()
        rows.report(missing, "path", "has no path, and there is no column utterance", "give one")
        names = rows.frame["path"].astype("str").str.replace("\\", "/")
        ids = names.map(lambda name: PurePosixPath(name).stem)
    else:
        raise CorpusError(f"{rows.file}: no column utterance; text without audio needs unique ids")
    rows.frame = rows.frame.assign(utterance=ids)
    again = ids.duplicated()
    rows.report(again, "utterance", "utterance {} was there before", "give every row its own")


def _numeric(rows: Rows) -> None:
    for column in [c for c in (*_NUMBERS, *_WHOLE) if c in rows.frame]:
        given = rows.frame[column]
        values = pd.to_numeric(given, errors="coerce").astype("float64")
        bad = given.notna() & ~np.isfinite(values)
        kind = "whole number" if column in _WHOLE else "number"
        if column in _WHOLE:
            bad |= values.notna() & (values % 1 != 0)
        rows.report(bad, column, f"{column} {{}} is no {kind}", "write it like 1.5 or 2")
        rows.frame = rows.frame.assign(**{column: values[~bad]})


def _segments(rows: Rows) -> None:
    zero = pd.Series(0.0, rows.frame.index)
    start = rows.frame.get("start", zero).fillna(0)
    if "start" in rows.frame:
        rows.report(start < 0, "start", "start {} lies before the file", "count from 0 s")
    if "end" in rows.frame:
        ends = rows.frame["end"] <= start[rows.frame.index]
        rows.report(ends, "end", "end {} is not after start", "give seconds, start < end")


def _emotions(rows: Rows) -> None:
    if "emotion" not in rows.frame:
        return
    given = rows.frame["emotion"]
    names = given.astype("str").str.strip()
    names = names.map(lambda name: rows.emotions.get(name, name.lower()), na_action="ignore")
    unknown = given.notna() & ~names.isin(EMOTIONS)
    rows.report(unknown, "emotion", "emotion {} is unknown", _map_it)
    rows.frame = rows.frame.assign(emotion=names[~unknown])
    rows.note(rows.frame["emotion"].isna(), "no emotion given", "kept without a label")


def _map_it(name: object) -> str:
    near = (difflib.get_close_matches(str(name).lower(), EMOTIONS, 1, 0.4) or ["neutral"])[0]
    return (
        f"map it with emotions={{{name!r}: {near!r}}} (-o emotions.{name}={near}) to one of "
        f"{', '.join(EMOTIONS)}"
    )


def _splits(rows: Rows) -> None:
    if "split" in rows.frame:
        given = rows.frame["split"].astype("str").str.strip().str.lower().replace(_SPLITS)
        wrong = given.notna() & ~given.isin(SPLITS)
        rows.report(wrong, "split", "split {} is unknown", f"use {', '.join(SPLITS)}")
        rows.frame = rows.frame.assign(split=given[~wrong])


def _words(rows: Rows) -> None:
    """Unify gender and language; what we cannot read is left NA, with a note."""
    rules = {
        "gender": (f"^({'|'.join(GENDERS)})$", "neither female nor male"),
        "language": ("^[a-z]{2}$", "no two-letter code (ISO 639-1)"),
    }
    for column, (pattern, reason) in rules.items():
        if column in rows.frame:
            given = rows.frame[column].astype("str").str.strip().str.lower()
            given = given.replace(_GENDERS) if column == "gender" else given
            wrong = given.notna() & ~given.str.match(pattern).eq(True)
            rows.note(wrong, f"{column} is {reason}", "it is left NA")
            rows.frame = rows.frame.assign(**{column: given.where(~wrong)})


def _votes(rows: Rows) -> None:
    if "votes" in rows.frame:
        given = rows.frame["votes"]
        votes = given.map(_parse_votes, na_action="ignore").astype(object)
        bad = given.notna() & ~votes.map(is_votes)
        rows.frame = rows.frame.assign(_given=given.astype("str"), votes=votes)
        rows.report(bad, "_given", "votes {} are no counts", 'write {"anger": 2, "neutral": 1}')
        rows.frame = rows.frame.drop(columns="_given")


def _parse_votes(value: object) -> object:
    if isinstance(value, dict):  # Parquet fills the emotions that nobody chose with None.
        return {emotion: int(count) for emotion, count in value.items() if count}
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def _paths(rows: Rows) -> None:
    for column in {"path", "text"} - set(rows.frame):
        rows.frame = rows.frame.assign(**{column: pd.Series(np.nan, rows.frame.index, dtype="str")})
    bare = rows.frame["path"].isna() & rows.frame["text"].isna()
    rows.report(bare, "path", "has neither path nor text", "give one, or leave the row away")
    names = rows.frame["path"].astype("str").str.replace("\\", "/")
    rows.frame = rows.frame.assign(path=names)
    out = names.map(lambda name: leaves(name, rows.folder), na_action="ignore").eq(True)
    rows.report(out, "path", "path {} leaves its folder", "give it relative to the audio folder")
    gone = names[~out].map(lambda name: not _is_file(rows.folder / name), na_action="ignore")
    rows.report(gone.eq(True), "path", "no audio file {}", "check the name and the audio folder")
    names = rows.frame["path"].map(lambda name: str(rows.audio / name), na_action="ignore")
    rows.frame = rows.frame.assign(path=names)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A whole sentence in the column path is too long for a file's name.
        return False


CHECKS = (_speakers, _ids, _numeric, _segments, _emotions, _splits, _words, _votes, _paths)
