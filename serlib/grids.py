"""Tables of measured numbers as one record: a grid of settings, a row each, a column a number."""

from pathlib import Path
from typing import TYPE_CHECKING

from serlib import results
from serlib.errors import RecordError

if TYPE_CHECKING:
    import pandas as pd

_BETWEEN = "|"


def write_grid(
    frame: "pd.DataFrame", directory: Path | str, *, paper: str, what: str, parameters: dict
) -> Path:
    """Write a table of numbers as a `results.Measurement`; a value is named ``<row>|<column>``.

    Args:
        frame: numbers; names in its index, which are unique and text, and in its columns.
        directory: where records are.
        paper: whose.
        what: what was measured, the file's name.
        parameters: what shaped the numbers.

    Raises:
        RecordError: a name occurs twice or holds the mark between names.
    """
    names = [*map(str, frame.index), *map(str, frame.columns)]
    if not frame.index.is_unique or any(_BETWEEN in name for name in names):
        raise RecordError(f"{what}: the table's rows must have unique names without {_BETWEEN!r}")
    values = {
        f"{row}{_BETWEEN}{column}": float(number)
        for row, numbers in frame.iterrows()
        for column, number in numbers.items()
    }
    about = results.environment()
    return results.write(results.Measurement(paper, what, values, parameters, **about), directory)


def read_grid(path: Path | str) -> "pd.DataFrame":
    """Read a table that `write_grid` wrote; names are sorted, an undefined number is NaN."""
    import pandas as pd

    found = vars(results.read(path))["values"]
    rows = [[*name.split(_BETWEEN), number] for name, number in found.items()]
    if any(len(row) != 3 for row in rows):
        raise RecordError(f"{path}: not a table; its values are named <row>{_BETWEEN}<column>")
    frame = pd.DataFrame(rows, columns=["row", "column", "number"])
    table = frame.pivot_table("number", "row", "column", dropna=False)
    return table.astype(float).rename_axis(index=None, columns=None)
