"""Run records: the evidence behind every number, one JSON file a run.

A record is written atomically and deterministically, one utterance a line, so that it reads well
in a diff. A number that is undefined (NaN, infinite) is written as null and read as None.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serlib import record_json
from serlib.cache import atomic_write
from serlib.environment import environment
from serlib.errors import RecordError
from serlib.frames import cluster, labels, predictions, probes, read, table
from serlib.record import (
    ROW,
    Measurement,
    Record,
    as_json,
    check,
    filename,
    recorded,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Measurement",
    "Record",
    "cluster",
    "compare",
    "environment",
    "find",
    "labels",
    "of_fold",
    "once",
    "predictions",
    "probes",
    "read",
    "table",
    "write",
]


def write(record: Record | Measurement, directory: Path | str) -> Path:
    """Write a record into a folder, atomically; the same record gives the same bytes.

    Scores keep five decimals, other results six significant digits, parameters every digit.

    Raises:
        RecordError: the record is not a valid one (names the field).
        StoreError: it cannot be written.
    """
    path = Path(directory) / record.filename
    data = as_json(record)
    check(data, path)
    atomic_write(path, (record_json.layout(data) + "\n").encode())
    return path


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
        wanted["parameters"] = recorded(match["parameters"])
    for path in sorted(Path(directory).glob(filename(match))):
        record = read(path)
        if record.kind == "run" and all(getattr(record, key) == wanted[key] for key in wanted):
            return path
    return None


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


def once(
    directory: Path | str,
    compute: Callable[[], tuple[Any, dict]],
    *,
    table: "pd.DataFrame",
    fold: Any,
    utterances: Sequence[str],
    labels: Sequence[str],
    profile: str | None = None,
    **identity: Any,
) -> Record:
    """Return the record of a run: the one that is there, or else run it and write it.

    Args:
        directory: where records are.
        compute: makes the run; returns its scores, (utterances, labels), and what else to keep; of
            a regression, target → predicted numbers instead of the scores.
        table: the corpus' table; ``speaker`` and ``emotion``, or the targets, are read.
        fold: a `protocols.Fold`.
        utterances: those that are scored.
        labels: the full list of classes; empty for a regression.
        profile: the profile's name.
        identity: what tells this run from others: paper, variant, corpus, protocol, seed,
            parameters.
    """
    if found := find(directory, fold=fold.name, **identity):
        return read(found)
    started = time.perf_counter()
    answers, extra = compute()
    if labels:
        make = partial(of_fold, scores=answers, labels=labels)
    else:
        from serlib import regression

        make = partial(regression.of_fold, predicted=answers)
    record = make(
        table=table,
        fold=fold,
        utterances=utterances,
        profile=profile,
        seconds=time.perf_counter() - started,
        extra=extra,
        **identity,
    )
    write(record, directory)
    return record


def of_fold(
    *,
    table: "pd.DataFrame",
    fold: Any,
    utterances: Sequence[str],
    scores: Any,
    labels: Sequence[str],
    **about: Any,
) -> Record:
    """Make the record of a classifier's scores on a part of a corpus.

    A fold with one test speaker has no interval of its own: ``low`` and ``high`` are None, and a
    class that the part lacks is left out of its means. Numbers to report pool the folds'
    predictions (see `predictions`) and take the interval over speakers; of a corpus of text alone
    over dialogues, which the rows then name (see `cluster`).

    Args:
        table: the corpus' table; ``speaker`` and ``emotion`` are read, ``path`` and ``dialogue``
            if they are there.
        fold: a `protocols.Fold`.
        utterances: those scored.
        scores: one number per utterance and label, (utterances, labels).
        labels: the full list of classes.
        about: the other fields of `Record`: paper, variant, corpus, protocol, seed, profile,
            parameters, seconds, extra.
    """
    from serlib.protocols import metrics

    part = table.loc[list(utterances)]
    truth = part["emotion"].tolist()
    prediction = [labels[i] for i in scores.argmax(1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = metrics.scores(truth, prediction, labels, absent="ignore")
    columns = [part.index, part["speaker"], truth, prediction, scores.tolist()]
    names = ROW
    if {"path", "dialogue"} <= {*part} and part["path"].isna().all() & part[
        "dialogue"
    ].notna().all():
        columns, names = [*columns, part["dialogue"]], (*ROW, "dialogue")
    return Record(
        fold=fold.name,
        held_out=fold.held_out,
        labels=list(labels),
        utterances=[dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)],
        metrics={k: {"value": v, "low": None, "high": None} for k, v in values.items()},
        **about,
        **environment(),
    )
