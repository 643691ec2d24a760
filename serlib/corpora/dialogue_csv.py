"""Reading corpora of dialogues that come as one CSV a split, one row an utterance."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from serlib.errors import CorpusError, Problem

# Where Windows' quotes and dashes were taken for Latin-1 they are control characters now.
_CONTROLS = {
    code: bytes([code]).decode("cp1252", errors="ignore") or chr(code) for code in range(0x80, 0xA0)
}


class BadRowError(Exception):
    """A row that cannot be used; its only argument says why."""


def read_splits(
    name: str,
    root: Path,
    files: Mapping[str, str],
    columns: Sequence[str],
    convert: Callable[[dict[str, str], str], dict],
) -> tuple[list[dict], list[Problem]]:
    """Read every split of a corpus; a bad row is reported and the others stay.

    Args:
        name: the corpus, for the messages.
        root: the folder of the files.
        files: split → file.
        columns: the columns that the corpus needs, as they are called in the files.
        convert: from a row's cells and its split to a row of the corpus' table; raises
            `BadRowError`.

    Returns:
        The rows, each with ``split``; and the problems, which count rows as a spreadsheet does,
        the header being row 1.

    Raises:
        CorpusError: a file is missing or unreadable, or lacks a column.
    """
    rows, problems, seen = [], [], set()
    for split, file in files.items():
        for number, cells in enumerate(_cells(name, root, file, columns, problems), start=2):
            try:
                row = _checked(cells, columns, lambda good, split=split: convert(good, split))
                if row["utterance"] in seen:
                    raise BadRowError(f"utterance {row['utterance']!r} was there before")
            except BadRowError as error:
                where = f"{file} row {number}"
                problems.append(Problem(where, error.args[0], "the row is left out"))
                continue
            seen.add(row["utterance"])
            rows.append(row | {"split": split})
    return rows, problems


def number(cells: dict[str, str], column: str) -> int:
    """A cell's whole number.

    Raises:
        BadRowError: it is none.
    """
    if not (cells[column].isascii() and cells[column].isdigit()):
        raise BadRowError(f"{column} {cells[column]!r} is no whole number")
    return int(cells[column])


def session(cells: dict[str, str]) -> str:
    """Return the episode, ``s08_e21``; MELD and EmoryNLP name it alike, so they can be matched."""
    return f"s{number(cells, 'Season'):02d}_e{number(cells, 'Episode'):02d}"


def emotion(cells: dict[str, str], names: Mapping[str, str]) -> str:
    """Our name of a row's emotion.

    Raises:
        BadRowError: it is not among the corpus' names.
    """
    found = names.get(cells["Emotion"].lower())
    if found is None:
        raise BadRowError(f"unknown emotion {cells['Emotion']!r}, there are {', '.join(names)}")
    return found


def _checked(cells: dict, columns: Sequence[str], convert: Callable[[dict], dict]) -> dict:
    # DictReader puts surplus cells under None, and None where cells are missing.
    if None in cells or None in cells.values():
        raise BadRowError("has more or fewer cells than the header")
    cells = {column: cells[column].translate(_CONTROLS).strip() for column in columns}
    if not cells["Utterance"]:
        raise BadRowError("the utterance is empty")
    return convert(cells)


def _cells(
    name: str, root: Path, file: str, columns: Sequence[str], problems: list[Problem]
) -> list[dict]:
    path = root / file
    if not path.is_file():
        there = next(iter(sorted([*root.glob(f"*/{file}"), *root.glob(f"*/*/{file}")])), None)
        hint = f"did you mean {there.parent}?" if there else "give the folder that holds the CSVs"
        raise CorpusError(f"{name}: no file {path}; {hint}")
    content = _decoded(name, path, file, problems)
    reader = csv.DictReader(io.StringIO(content, newline=""), strict=True)
    try:
        rows, header = list(reader), reader.fieldnames or []
    except csv.Error as error:
        raise CorpusError(f"{name}: {path} line {reader.line_num}: {error}; restore it") from None
    if missing := [column for column in columns if column not in header]:
        raise CorpusError(
            f"{name}: {path} has no column {missing[0]!r}, but {', '.join(header) or 'nothing'}; "
            "restore the original file"
        )
    return rows


def _decoded(name: str, path: Path, file: str, problems: list[Problem]) -> str:
    """The file's text. UTF-8 as published, or cp1252 as spreadsheets save it, with a note."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        byte = f"byte {content[error.start]:#04x} in line {line}"
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise CorpusError(
                f"{name}: {path} is neither UTF-8 nor cp1252 ({byte}); restore the original file"
            ) from None
        problems.append(Problem(file, f"is not UTF-8 ({byte})", "it is read as cp1252", "note"))
        return text
