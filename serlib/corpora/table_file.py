"""Finding and reading the table of one's own corpus, and naming its columns."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from serlib.corpora.schema import COLUMNS, leaves
from serlib.errors import CorpusError

_KINDS = (".csv", ".tsv", ".parquet")


def find_table(root: Path, table: str | None) -> Path:
    """Return the named table, or the only one in the folder.

    Raises:
        CorpusError: it is not there, lies elsewhere, is of another kind, or is not the only one.
    """
    if table is not None:
        file = root / table
        if leaves(table, root.resolve()):
            raise CorpusError(f"table: {table} leaves the folder {root}; put the table inside it")
        if not file.is_file():
            raise CorpusError(f"table: no file {file}; check table and root")
        if file.suffix.lower() not in _KINDS:
            raise CorpusError(f"table: {file} is not a {', '.join(_KINDS)} file; save it as one")
        return file
    found = sorted(path for path in root.iterdir() if path.suffix.lower() in _KINDS)
    if not found:
        raise CorpusError(f"table: no CSV or Parquet file in {root}; put your table there")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise CorpusError(
            f"table: {root} holds {len(found)} tables ({names}); choose one with "
            f"table={found[0].name!r} (-o table={found[0].name})"
        )
    return found[0]


def read_table(file: Path) -> pd.DataFrame:
    """Read a CSV (all cells as text, so that speaker 007 stays 007) or a Parquet file.

    Returns:
        The rows, indexed by the number that a spreadsheet shows (the header is row 1).

    Raises:
        CorpusError: the file is unreadable, or without rows.
    """
    try:
        frame = pd.read_parquet(file) if file.suffix.lower() == ".parquet" else _read_csv(file)
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#x} at {error.start}"
        raise CorpusError(f"{file}: is not UTF-8 ({byte}); save it as CSV UTF-8") from None
    except pd.errors.ParserWarning:
        raise CorpusError(
            f"{file}: cannot be read (rows have more cells than the header); name every column"
        ) from None
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CorpusError(f"{file}: cannot be read ({reason}); correct or save it again") from None
    if frame.empty:
        raise CorpusError(f"{file}: the table has no rows; give one row an utterance")
    if frame.index.name:  # Parquet keeps an index that was written with the table.
        frame = frame.reset_index()
    frame.columns = [str(column).strip() for column in frame.columns]
    return frame.set_axis(pd.RangeIndex(2, len(frame) + 2), axis="index")


def _read_csv(file: Path) -> pd.DataFrame:
    with file.open(encoding="utf-8-sig") as lines:
        header = lines.readline()
    with warnings.catch_warnings():
        # A row longer than the header would be cut with a mere warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            file,
            sep=max(",;\t", key=header.count),
            dtype="str",
            encoding="utf-8-sig",
            index_col=False,
            keep_default_na=False,  # "None" and "nan" may be names.
            na_values=["", "NA"],
            skipinitialspace=True,
        )


def rename(frame: pd.DataFrame, columns: Mapping[str, str], file: str) -> pd.DataFrame:
    """Give the columns our names.

    Raises:
        CorpusError: a column is not there, a name is not ours, or two columns get one name.
    """
    if not isinstance(columns, Mapping):
        raise CorpusError(f"table: columns={columns!r} must map names, as in {{'file': 'path'}}")
    ours = ("utterance", *COLUMNS)
    for theirs, our in columns.items():
        if theirs not in frame.columns:
            there = ", ".join(frame.columns)
            raise CorpusError(f"{file}: no column {theirs!r} to call {our!r}; there are {there}")
        if our not in ours:
            raise CorpusError(f"{file}: no name {our!r} to give {theirs!r}; use {', '.join(ours)}")
    frame = frame.rename(columns=columns)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise CorpusError(f"{file}: two columns are called {twice[0]!r}; rename or remove one")
    return frame
