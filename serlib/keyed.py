"""Tables with several keys a row as measurements; `serlib.grids` is for one key a row."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from serlib.record import Measurement

_BETWEEN = " / "


def flat(frame: "pd.DataFrame", by: Sequence[str]) -> dict[str, float]:
    """Name each number of a table by its row and column, as a `Measurement` wants it.

    Args:
        frame: the table; a column that is not in ``by`` holds numbers.
        by: columns that tell the rows apart; their values become text.
    """
    rows = frame.set_index(list(by))
    keys = [key if isinstance(key, tuple) else (key,) for key in rows.index]
    return {
        _BETWEEN.join(map(str, (*key, column))): float(value)
        for key, values in zip(keys, rows.to_numpy(), strict=True)
        for column, value in zip(rows.columns, values, strict=True)
    }


def tidy(record: "Measurement", by: Sequence[str]) -> "pd.DataFrame":
    """Give back the table that `flat` took, its rows sorted: a record sorts its fields.

    Args:
        record: a measurement made of `flat`.
        by: the names of the columns that tell the rows apart.
    """
    import pandas as pd

    rows: dict[tuple, dict] = {}
    for name, value in record.values.items():  # noqa: PD011
        *key, column = name.split(_BETWEEN)
        rows.setdefault(tuple(key), {})[column] = float("nan") if value is None else value
    return pd.DataFrame([dict(zip(by, key, strict=True)) | values for key, values in rows.items()])
