"""Your own corpus: a CSV or Parquet table that names its columns, beside an audio folder.

Needed are ``speaker`` (evaluation must be speaker-independent), ``path`` or ``text``, and a label:
``emotion``, or ``activation``, ``valence``, ``dominance``. ``utterance`` defaults to the file's
name without its suffix. Every other column of the schema may be there, and any of your own.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from serlib.corpora.corpus import Corpus
from serlib.corpora.schema import EMOTIONS
from serlib.corpora.table_checks import CHECKS, Rows
from serlib.corpora.table_file import find_table, read_table, rename
from serlib.errors import CorpusError

DESCRIPTION = "your own: any CSV or Parquet table beside an audio folder"
LICENCE = "your own"
LABELS = EMOTIONS  # Any of them: a corpus' labels are those that occur in its table.


def load(
    root: str | Path,
    table: str | None = None,
    columns: Mapping[str, str] | None = None,
    emotions: Mapping[str, str] | None = None,
    audio: str = "",
) -> Corpus:
    """Load a table and check it row by row; a bad row is left out and reported.

    The corpus is named after its folder. A CSV is read as UTF-8, separated by comma, semicolon or
    tab; rows are counted as a spreadsheet does, the header being row 1.

    Args:
        root: the folder with the table and the audio.
        table: the table's path in it; may be left out if there is one CSV or Parquet file.
        columns: your column → ours, e.g. ``{"filename": "path"}``.
        emotions: your emotion → ours, e.g. ``{"hap": "happiness"}``.
        audio: the folder, inside ``root``, that the table's paths are relative to.

    Raises:
        CorpusError: no table or no audio folder, a column that is missing, an unreadable table, or
            no row that can be used.
    """
    root = Path(root)
    file = find_table(root, table)
    frame = rename(read_table(file), columns or {}, file.name)
    _require(frame.columns, file.name)
    rows = Rows(frame, file, root, audio, _emotions(emotions or {}))
    for check in CHECKS:
        check(rows)
    frame = rows.frame
    present = set(frame["emotion"].dropna()) if "emotion" in frame else set()
    return Corpus.build(
        re.sub(r"[^\w.-]+", "-", root.resolve().name) or "table",
        root,
        frame,
        licence=LICENCE,
        labels=[emotion for emotion in EMOTIONS if emotion in present],
        problems=rows.problems,
    )


def _require(there: list[str], file: str) -> None:
    needed = [("speaker",), ("path", "text"), ("emotion", "activation", "valence", "dominance")]
    for choice in needed:
        if not set(choice) & set(there):
            raise CorpusError(
                f"{file}: no column {' or '.join(choice)}; there are {', '.join(there)}; name "
                f"yours with columns={{'yours': '{choice[0]}'}} (-o columns.yours={choice[0]})"
            )


def _emotions(mapping: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(mapping, Mapping):
        raise CorpusError(
            f"table: emotions={mapping!r} must map names, as in {{'hap': 'happiness'}}"
        )
    for theirs, ours in mapping.items():
        if ours not in EMOTIONS:
            raise CorpusError(
                f"table: emotions maps {theirs!r} to {ours!r}, which is not one of "
                f"{', '.join(EMOTIONS)}"
            )
    return {str(theirs): ours for theirs, ours in mapping.items()}
