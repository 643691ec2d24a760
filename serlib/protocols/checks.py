"""What a table must have before it can be split; each refusal is one line."""

from collections.abc import Iterable, Sequence

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
