"""Records as tidy data frames: one row a run, an utterance, or a probe."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from serlib import record_json
from serlib.errors import RecordError
from serlib.record import IDENTITY, KINDS, ROW, Measurement, Record, check

if TYPE_CHECKING:
    import pandas as pd


def read(path: Path | str) -> Record | Measurement:
    """Read and check one record.

    Raises:
        RecordError: missing, not JSON, or not a valid record (names the file and the field).
    """
    path = Path(path)
    data = record_json.parse(path)
    check(data, path)
    return KINDS[data.pop("kind")](**data)


def table(records: Path | str | Iterable[Path | str]) -> "pd.DataFrame":
    """Return one row a run: its fields, its metrics, its parameters and its file's path.

    A metric gives three columns (``uar``, ``uar_low``, ``uar_high``); a parameter has its own name,
    or ``parameters.<name>`` where another column has that name. Measurements are not runs.

    Args:
        records: a folder (searched with its subfolders), or paths of files.
    """
    import pandas as pd

    columns = (*IDENTITY, "protocol", "held_out", "profile", "seconds", "revision", "created")
    rows = []
    for path, record in _runs(records):
        row = {name: getattr(record, name) for name in columns} | {"path": str(path)}
        for name, metric in record.metrics.items():
            row |= {name: metric["value"], f"{name}_low": metric["low"]}
            row[f"{name}_high"] = metric["high"]
        for name, value in record.parameters.items():
            row[f"parameters.{name}" if name in row else name] = value
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else [*columns, "path"])


def predictions(records: Path | str | Iterable[Path | str]) -> "pd.DataFrame":
    """Return one row per utterance and run, with a column ``score_<label>`` per label if scored.

    Args:
        records: a folder (searched with its subfolders), or paths of files.
    """
    import pandas as pd

    columns = ("paper", "variant", "corpus", "protocol", "fold", "seed")
    rows = []
    for _, record in _runs(records):
        common = {name: getattr(record, name) for name in columns}
        for utterance in record.utterances:
            row = common | utterance
            scores = row.pop("scores") or ()
            row |= {f"score_{label}": s for label, s in zip(record.labels, scores, strict=False)}
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else [*columns, *ROW[:-1]])


def cluster(predictions: "pd.DataFrame") -> str:
    """Return what intervals are clustered by: ``"dialogue"`` if all rows name it, or ``"speaker"``.

    Args:
        predictions: as `predictions` gives them.
    """
    named = "dialogue" in predictions and predictions["dialogue"].notna().all()
    return "dialogue" if named else "speaker"


def probes(records: Path | str | Iterable[Path | str]) -> "pd.DataFrame":
    """Return one row per run, subspace and target: what linear probes read inside the models.

    A run keeps them in ``extra["probes"]``, as `protocols.probes.probe` gives them, each with its
    ``subspace`` and ``target``.

    Args:
        records: a folder (searched with its subfolders), or paths of files.
    """
    import pandas as pd

    rows = [
        {name: getattr(record, name) for name in IDENTITY} | row
        for _, record in _runs(records)
        for row in record.extra.get("probes", [])
    ]
    return pd.DataFrame(rows, columns=None if rows else [*IDENTITY, "subspace", "target", "score"])


def labels(records: Path | str | Iterable[Path | str]) -> list[str]:
    """Return the labels that all the runs share, in the order of their scores.

    Raises:
        RecordError: there is no run, or the runs are of several tasks.
    """
    found = {tuple(record.labels) for _, record in _runs(records)}
    if len(found) != 1:
        raise RecordError(f"the records have {len(found)} sets of labels; choose those of one")
    return list(*found)


def _runs(records: Path | str | Iterable[Path | str]) -> list[tuple[Path, Record]]:
    if isinstance(records, str | Path):
        path = Path(records)
        if not path.exists():
            raise RecordError(f"{path}: no such folder or record; run the chapter first")
        paths = sorted(p for p in path.rglob("*.json") if p.is_file()) if path.is_dir() else [path]
    else:
        paths = [Path(path) for path in records]
    pairs = [(path, read(path)) for path in paths]
    return [(path, record) for path, record in pairs if isinstance(record, Record)]
