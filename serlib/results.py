"""Run records: the evidence behind every number, one JSON file a run.

A record is written atomically and deterministically, one utterance a line, so that it reads well
in a diff. A number that is undefined (NaN, infinite) is written as null and read as None.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from serlib import record_json
from serlib.cache import atomic_write
from serlib.environment import environment
from serlib.errors import RecordError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Measurement",
    "Record",
    "compare",
    "environment",
    "find",
    "predictions",
    "read",
    "table",
    "write",
]

#: Parameters that say where things lie or which runs to make, not how one is made: left out.
NOT_RECORDED = frozenset({"root", "target_root", "output", "variants", "folds", "seeds"})
_IDENTITY = ("paper", "variant", "corpus", "fold", "seed")
_HOW = ("protocol", "parameters")
_ROW = ("utterance", "speaker", "truth", "prediction", "scores")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Record:
    """One run's evidence; ``Record(..., **environment())`` fills versions, hardware, revision.

    Attributes:
        held_out: who or what the fold keeps for testing.
        parameters: what shaped this number; ``NOT_RECORDED`` ones are left out when written, and
            of an absolute path only the last part is kept.
        labels: the full list of classes, in the order of the scores; empty for a regression.
        utterances: ``{utterance, speaker, truth, prediction, scores}``, one per test utterance;
            ``scores`` is None or one number per label.
        metrics: name → ``{value, low, high}``.
        seconds: wall time of the run.
        extra: anything else worth keeping (the training curve, the leakage audit).
    """

    kind: ClassVar[str] = "run"
    paper: str
    variant: str
    corpus: str
    protocol: str
    fold: str
    held_out: str
    seed: int
    profile: str | None
    parameters: dict
    labels: list[str]
    utterances: list[dict]
    metrics: dict[str, dict]
    versions: dict
    hardware: dict
    seconds: float
    revision: str | None
    created: str = field(default_factory=_now)
    extra: dict = field(default_factory=dict)
    schema: int = 1

    @property
    def filename(self) -> str:
        """The name its file gets: what is run, and a short hash of how."""
        return _filename({name: getattr(self, name) for name in (*_IDENTITY, *_HOW)})


@dataclass
class Measurement:
    """Named numbers that no utterance stands behind: ``what`` was measured, and its ``values``."""

    kind: ClassVar[str] = "measurement"
    paper: str
    what: str
    values: dict[str, float | None]
    parameters: dict
    versions: dict
    hardware: dict
    revision: str | None
    created: str = field(default_factory=_now)
    schema: int = 1

    @property
    def filename(self) -> str:
        """The name its file gets, ``<what>.json``."""
        return f"{self.what}.json"


_KINDS = {"run": Record, "measurement": Measurement}


def write(record: Record | Measurement, directory: Path | str) -> Path:
    """Write a record into a folder, atomically; the same record gives the same bytes.

    Scores keep five decimals, other results six significant digits, parameters every digit.

    Raises:
        RecordError: the record is not a valid one (names the field).
        StoreError: it cannot be written.
    """
    path = Path(directory) / record.filename
    data = record_json.plain({"kind": record.kind, **asdict(record)})
    data["parameters"] = _recorded(record.parameters)
    if isinstance(record, Record):
        data["extra"] = record_json.anonymous(data["extra"])
        data["utterances"] = [_utterance(row) for row in data.pop("utterances")]  # Last, longest.
    _check(data, path)
    atomic_write(path, (record_json.layout(data) + "\n").encode())
    return path


def read(path: Path | str) -> Record | Measurement:
    """Read and check one record.

    Raises:
        RecordError: missing, not JSON, or not a valid record (names the file and the field).
    """
    path = Path(path)
    data = record_json.parse(path)
    _check(data, path)
    return _KINDS[data.pop("kind")](**data)


def find(directory: Path | str, **match: Any) -> Path | None:
    """Return the first record in a folder that matches, or None: lets a run skip what is there.

    Args:
        directory: where records are; it need not exist.
        match: fields of `Record` and their values; ``parameters`` is compared as it is recorded.

    Raises:
        RecordError: there is no such field, or a file with that name is not a valid record.
    """
    unknown = set(match) - {item.name for item in fields(Record)}
    if unknown:
        raise RecordError(f"{', '.join(sorted(unknown))}: not a field of a record")
    wanted = record_json.plain(match)
    if "parameters" in match:
        wanted["parameters"] = _recorded(match["parameters"])
    for path in sorted(Path(directory).glob(_filename(match))):
        record = read(path)
        if record.kind == "run" and all(getattr(record, key) == wanted[key] for key in wanted):
            return path
    return None


def table(records: Path | str | Iterable[Path | str]) -> "pd.DataFrame":
    """Return one row a run: its fields, its metrics, its parameters and its file's path.

    A metric gives three columns (``uar``, ``uar_low``, ``uar_high``); a parameter has its own name,
    or ``parameters.<name>`` where another column has that name. Measurements are not runs.

    Args:
        records: a folder (searched with its subfolders), or paths of files.
    """
    import pandas as pd

    columns = (*_IDENTITY, "protocol", "held_out", "profile", "seconds", "revision", "created")
    rows = []
    for path, record in _runs(records):
        row = {name: getattr(record, name) for name in columns}
        for name, metric in record.metrics.items():
            row |= {name: metric["value"], f"{name}_low": metric["low"]}
            row[f"{name}_high"] = metric["high"]
        for name, value in record.parameters.items():
            row[f"parameters.{name}" if name in row else name] = value
        rows.append(row | {"path": str(path)})
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
    return pd.DataFrame(rows, columns=None if rows else [*columns, *_ROW[:-1]])


def compare(interval: Any, value: float, tolerance: float = 0.0) -> str:
    """Return ``"reproduced"`` if an interval contains a paper's value, else ``"not reproduced"``.

    Args:
        interval: has ``low`` and ``high``, in the unit of ``value``.
        value: what the paper states.
        tolerance: relative slack at both ends, for numbers that are counted, not sampled.
    """
    slack = tolerance * abs(value)
    inside = interval.low - slack <= value <= interval.high + slack
    return "reproduced" if inside else "not reproduced"


def _runs(records: Path | str | Iterable[Path | str]) -> list[tuple[Path, Record]]:
    if isinstance(records, str | Path):
        path = Path(records)
        if not path.exists():
            raise RecordError(f"{path}: no such folder or record; run the chapter first")
        paths = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    else:
        paths = [Path(path) for path in records]
    pairs = [(path, read(path)) for path in paths]
    return [(path, record) for path, record in pairs if isinstance(record, Record)]


def _filename(given: Mapping[str, Any]) -> str:
    """Return a run's file name; a field that is not given is a wildcard."""
    names = [record_json.slug(str(given[k])) if k in given else "*" for k in _IDENTITY]
    digest = "*"
    if given.keys() >= {*_IDENTITY, *_HOW}:
        # All of it is hashed: names that give the same slug, and one model tested on its own fold
        # and on another corpus, must not overwrite each other.
        how = [str(given[k]) for k in (*_IDENTITY, "protocol")] + [_recorded(given["parameters"])]
        digest = hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:8]
    return "-".join([*names, digest]) + ".json"


def _recorded(parameters: Mapping[str, Any]) -> dict:
    kept = {key: value for key, value in parameters.items() if key not in NOT_RECORDED}
    return record_json.anonymous(record_json.plain(kept, digits=None))


def _utterance(row: dict) -> dict:
    ordered = {key: row[key] for key in _ROW if key in row} | row
    if isinstance(row.get("scores"), list):
        ordered["scores"] = [None if s is None else round(s, 5) for s in row["scores"]]
    return ordered


def _check(data: Any, path: Path) -> None:
    """Refuse what the schema refuses, and what no schema can say."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in _KINDS:
        raise RecordError(f"{path}: field kind: {kind!r} is not one of {', '.join(_KINDS)}")
    record_json.validate(data, "record" if kind == "run" else kind, path, "run it again")
    if kind != "run":
        return
    labels, seen = data["labels"], set()
    for number, row in enumerate(data["utterances"]):
        where = f"{path}: field utterances[{number}] ({row['utterance']})"
        if row["utterance"] in seen:
            raise RecordError(f"{where}: listed twice; one prediction per utterance and run")
        seen.add(row["utterance"])
        if labels and (row["truth"] not in labels or row["prediction"] not in (*labels, None)):
            raise RecordError(f"{where}: truth or prediction is not among the labels {labels}")
        if row["scores"] is not None and len(row["scores"]) != len(labels):
            raise RecordError(f"{where}: {len(row['scores'])} scores for {len(labels)} labels")
