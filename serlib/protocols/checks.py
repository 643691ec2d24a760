"""What a table must have to be split, and predictions to be compared; each refusal is one line."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError

Labels = Sequence[str] | None


def checked(table: pd.DataFrame, column: str, labels: Labels) -> tuple[str, ...]:
    """Refuses a table that cannot be split by this column; gives the classes of the task."""
    if table.empty:
        raise ProtocolError("the table has no utterances; check the corpus or the selection")
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()].unique()
        raise ProtocolError(f"utterance ids occur twice ({some(twice)}); make them unique")
    if column != "emotion":
        complete(table, column, "use another protocol or leave these rows out first")
    if labels is not None and not labels:
        return ()
    complete(table, "emotion", "choose the classes first with corpus.select(emotions=[...])")
    found = sorted(set(table["emotion"]))
    if labels is not None and (foreign := sorted(set(found) - set(labels))):
        raise ProtocolError(
            f"emotions {foreign} are in the table but not in labels; "
            "choose the classes first with corpus.select(emotions=[...])"
        )
    return tuple(found if labels is None else labels)


def complete(table: pd.DataFrame, column: str, action: str) -> None:
    """Refuses a column that is missing or has gaps."""
    if column not in table:
        raise ProtocolError(f"{column}: the table has no such column; {action}")
    missing = table.index[table[column].isna()]
    if len(missing):
        raise ProtocolError(
            f"{column}: {len(missing)} of {len(table)} utterances have none "
            f"({some(missing)}); {action}"
        )


def at_least_three(table: pd.DataFrame, column: str, protocol: str) -> list[str]:
    """The sorted values of a column, refused if train, dev and test cannot have one each."""
    values = sorted(set(table[column]))
    if len(values) < 3:
        raise ProtocolError(
            f"{protocol} needs three {column}s or more (train, dev, test), "
            f"the table has {len(values)} ({some(values)}); use another protocol"
        )
    return values


def all_present(emotion: pd.Series, labels: Iterable[str], where: str) -> None:
    """Refuses a part that lacks a class."""
    found = set(emotion)
    if absent := [label for label in labels if label not in found]:
        raise ProtocolError(
            f"{', '.join(absent)}: no example in {where}; "
            "leave the class out with corpus.select(emotions=[...]) or use another split"
        )


def some(values: Iterable, count: int = 3) -> str:
    """The first few of them, for a message."""
    values = list(values)
    return ", ".join(map(str, values[:count])) + (", ..." if len(values) > count else "")


def numbered(frame: pd.DataFrame, cluster: str) -> tuple[np.ndarray, int]:
    """The number of each row's cluster, in sorted order so that row order changes nothing."""
    for column in ("truth", "prediction", cluster):
        complete(frame, column, "give the frame this column, without gaps")
    number, names = pd.factorize(frame[cluster], sort=True)
    if len(names) < 2:
        raise ProtocolError(
            f"{cluster}: {len(names)} of them; an interval needs two at least, pool the folds"
        )
    return number, len(names)


def identified(frame: pd.DataFrame) -> list[str]:
    """The columns that identify a row; repeated rows are refused."""
    keys = [key for key in ("utterance", "fold", "seed") if key in frame]
    if "utterance" in keys and frame.duplicated(keys).any():
        twice = frame.loc[frame.duplicated(keys), "utterance"].unique()
        raise ProtocolError(
            f"utterances occur twice by {', '.join(keys)} ({some(twice)}); "
            "keep one system's rows, and add the column seed or fold where they differ in it"
        )
    return keys


def aligned(a: pd.DataFrame, b: pd.DataFrame, cluster: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two frames with the same rows in the same order."""
    if (keys := identified(a)) != identified(b) or "utterance" not in keys:
        raise ProtocolError(
            f"the frames identify their rows by {keys} and {identified(b)}; "
            "give both the column utterance, and fold and seed alike"
        )
    a, b = (frame.set_index(keys, drop=False).sort_index() for frame in (a, b))
    if len(alone := a.index.symmetric_difference(b.index)):
        raise ProtocolError(
            f"{len(alone)} rows by {', '.join(keys)} are in only one of the frames "
            f"({some(alone)}); compare systems on the same utterances, folds and seeds"
        )
    for column in ("truth", cluster):
        for frame in (a, b):
            complete(frame, column, "give both frames this column, without gaps")
        if (differ := a[column].to_numpy() != b[column].to_numpy()).any():
            raise ProtocolError(
                f"{column} differs between the frames ({some(a.index[differ])}); "
                "they are not of the same task"
            )
    return a, b
