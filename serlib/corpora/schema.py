"""One table for every corpus: its columns, its emotion names, and the check of both."""

import re
from functools import cache
from numbers import Integral
from pathlib import Path, PurePosixPath

import pandas as pd

from serlib.errors import CorpusError

EMOTIONS = (
    "anger",
    "boredom",
    "calm",
    "contempt",
    "disgust",
    "excitement",
    "fear",
    "frustration",
    "happiness",
    "neutral",
    "peaceful",
    "powerful",
    "sadness",
    "surprise",
    "other",
)
GENDERS = ("female", "male")
SPLITS = ("train", "dev", "test")
_TYPES = {
    "path": "str",
    "start": "float64",
    "end": "float64",
    "text": "str",
    "speaker": "str",
    "gender": "str",
    "session": "str",
    "dialogue": "str",
    "turn": "Int64",
    "language": "str",
    "emotion": "str",
    "votes": "object",
    "activation": "float64",
    "valence": "float64",
    "dominance": "float64",
    "activation_var": "float64",
    "valence_var": "float64",
    "dominance_var": "float64",
    "raters": "Int64",
    "split": "str",
}
COLUMNS = tuple(_TYPES)
_PLAIN = re.compile(r"\w[\w .-]*")
_ALLOWED = {"emotion": EMOTIONS, "gender": GENDERS, "split": SPLITS}


def validate(table: pd.DataFrame, root: Path, name: str) -> pd.DataFrame:
    """Bring a corpus' table into the common form, or say what is wrong with it.

    Args:
        table: one row an utterance; the index (or a column ``utterance``) is the unique id.
            Columns of ``COLUMNS`` that are absent become NA; others are kept after them.
        root: the folder that ``path`` is relative to; no path may lead out of it.
        name: the corpus, for the messages.

    Returns:
        The table with the index named ``utterance``, all of ``COLUMNS`` in order and typed,
        then the corpus' own columns.

    Raises:
        CorpusError: one line that names the first offending row, column and value, and how many
            more there are.
    """
    from pandera.errors import SchemaErrors

    if "utterance" in table.columns:
        table = table.set_index("utterance")
    if table.empty:
        raise CorpusError(f"{name}: its table has no rows; a corpus needs at least one utterance")
    extra = [column for column in table.columns if column not in COLUMNS]
    table = table.rename_axis("utterance").reindex(columns=[*COLUMNS, *extra])
    try:
        table = _schema().validate(table, lazy=True)
    except SchemaErrors as error:
        raise CorpusError(f"{name}: {_first(error.failure_cases)}") from None
    _check_segments(table, name)
    _check_paths(table, Path(root), name)
    return table


@cache
def _schema():
    import pandera.pandas as pa

    checks = {column: pa.Check.isin(values) for column, values in _ALLOWED.items()}
    checks["votes"] = pa.Check(
        is_votes, element_wise=True, error="a mapping from emotions to counts"
    )
    checks["language"] = pa.Check.str_matches("^[a-z]{2}$", error="a two-letter code (ISO 639-1)")
    checks["start"] = pa.Check.ge(0, error="0 or more seconds")
    columns = {c: pa.Column(t, checks.get(c), nullable=True) for c, t in _TYPES.items()}
    index = pa.Index("str", unique=True, name="utterance", coerce=True)
    return pa.DataFrameSchema(columns, index=index, coerce=True)


def is_votes(value: object) -> bool:
    """Tell whether a value maps known emotions to counts (numbers of raters)."""
    return isinstance(value, dict) and all(
        emotion in EMOTIONS and isinstance(count, Integral) and count >= 0
        for emotion, count in value.items()
    )


def _first(failures: pd.DataFrame) -> str:
    row = failures.iloc[0]
    others = failures["index"].nunique() - 1
    more = f" (and {others} more rows)" if others > 0 else ""
    if row["check"] == "field_uniqueness":
        return f"utterance {row['failure_case']!r} occurs more than once; make the ids unique{more}"
    if pd.isna(row["index"]):
        return f"{row['column']} has values that are not {_rule(row)}"
    where = f"utterance {row['index']!r}: "
    return f"{where}{row['column']} '{row['failure_case']}' is not {_rule(row)}{more}"


def _rule(row: pd.Series) -> str:
    if row["column"] in _ALLOWED:
        return f"one of {', '.join(_ALLOWED[row['column']])}"
    if "coerce" in str(row["check"]) or "dtype" in str(row["check"]):
        kinds = {"float64": "a number", "Int64": "a whole number"}
        return kinds.get(_TYPES.get(row["column"]), "text")
    return str(row["check"])


def _check_segments(table: pd.DataFrame, name: str) -> None:
    wrong = table.index[table["end"] <= table["start"].fillna(0)]
    if len(wrong):
        row = table.loc[wrong[0]]
        raise CorpusError(
            f"{name}: utterance {wrong[0]!r} ends at {row['end']:g} s, not after its start "
            f"({0 if pd.isna(row['start']) else row['start']:g} s); correct start and end"
        )
    wrong = table.index[table["path"].isna() & table["text"].isna()]
    if len(wrong):
        raise CorpusError(f"{name}: utterance {wrong[0]!r} has neither path nor text; give one")


def _check_paths(table: pd.DataFrame, root: Path, name: str) -> None:
    resolved = root.resolve()
    paths = table["path"].dropna().drop_duplicates(keep="first")
    folder_leaves = cache(lambda folder: leaves(folder, resolved))
    for utterance, path in paths.items():
        # Resolving is slow: what is no link lies where its folder does.
        folder, _, file = path.rpartition("/")
        plain = _PLAIN.fullmatch(file) and path[0] != "/" and not _is_link(resolved / path)
        if folder_leaves(folder) if plain else leaves(path, resolved):
            raise CorpusError(
                f"{name}: utterance {utterance!r}: path {path!r} leaves the folder {root}; "
                "give it relative to that folder"
            )


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # Too long for a name.
        return True


def leaves(path: str, resolved: Path) -> bool:
    """Tell whether a relative path leads out of a (resolved) folder, by ``..``, root or link."""
    if PurePosixPath(path).is_absolute():
        return True
    try:
        return not (resolved / path).resolve().is_relative_to(resolved)
    except (OSError, RuntimeError, ValueError):  # A loop of links, or no path at all.
        return True
