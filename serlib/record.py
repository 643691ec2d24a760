"""What a record is: its fields, the name of its file, and what makes it a valid one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from serlib import record_json
from serlib.errors import RecordError

#: Parameters that say where things lie or which runs to make, not how one is made: left out.
NOT_RECORDED = frozenset({"root", "target_root", "output", "variants", "folds", "seeds"})
IDENTITY = ("paper", "variant", "corpus", "fold", "seed")
_HOW = ("protocol", "parameters")
ROW = ("utterance", "speaker", "truth", "prediction", "scores")


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
            ``scores`` is None or one number per label. Of a regression, truth and prediction are
            numbers, or map each target to a number.
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
        return filename({name: getattr(self, name) for name in (*IDENTITY, *_HOW)})


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


KINDS = {"run": Record, "measurement": Measurement}


def as_json(record: Record | Measurement) -> dict:
    """Return a record as it is written: plain values, no machine's paths, utterances last."""
    data = record_json.plain({"kind": record.kind, **asdict(record)})
    data["parameters"] = recorded(record.parameters)
    if isinstance(record, Record):
        data["extra"] = record_json.anonymous(data["extra"])
        data["utterances"] = [_utterance(row) for row in data.pop("utterances")]
    return data


def filename(given: Mapping[str, Any]) -> str:
    """Return a run's file name; a field that is not given is a wildcard."""
    names = [record_json.slug(str(given[k])) if k in given else "*" for k in IDENTITY]
    digest = "*"
    if given.keys() >= {*IDENTITY, *_HOW}:
        # All of it is hashed: names that give the same slug, and one model tested on its own fold
        # and on another corpus, must not overwrite each other.
        how = [str(given[k]) for k in (*IDENTITY, "protocol")] + [recorded(given["parameters"])]
        digest = hashlib.sha256(json.dumps(how, sort_keys=True).encode()).hexdigest()[:8]
    return "-".join([*names, digest]) + ".json"


def recorded(parameters: Mapping[str, Any]) -> dict:
    """Return parameters as they are recorded: without ``NOT_RECORDED``, without paths."""
    kept = {key: value for key, value in parameters.items() if key not in NOT_RECORDED}
    return record_json.anonymous(record_json.plain(kept, digits=None))


def check(data: Any, path: Path) -> None:
    """Refuse what the schema refuses, and what no schema can say."""
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in KINDS:
        raise RecordError(f"{path}: field kind: {kind!r} is not one of {', '.join(KINDS)}")
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


def _utterance(row: dict) -> dict:
    ordered = {key: row[key] for key in ROW if key in row} | row
    if isinstance(row.get("scores"), list):
        ordered["scores"] = [None if s is None else round(s, 5) for s in row["scores"]]
    return ordered
