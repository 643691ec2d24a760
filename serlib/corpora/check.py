"""Checking a copy of a corpus: open every file, count, and say what is wrong."""

import hashlib
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from serlib.corpora.audio import duration, inspect
from serlib.corpora.corpus import Corpus
from serlib.corpora.published import compare, totals
from serlib.errors import CorpusError, Problem


@dataclass(frozen=True)
class _File:
    """What was found in one audio file: its utterances' seconds, and the problems."""

    path: str
    digest: str
    rate: int
    seconds: dict[str, float]
    problems: list[Problem]


def check(corpus: Corpus, strict: bool = False) -> dict:
    """Give the counts of ``examine`` and, under ``problems``, its problems as lines.

    A line starts with ``error:`` (left out) or ``note:`` (kept).

    Raises:
        CorpusError: an error, if strict.
    """
    counts, problems = examine(corpus, strict)
    return {**counts, "problems": [f"{problem.severity}: {problem}" for problem in problems]}


def examine(corpus: Corpus, strict: bool = False) -> tuple[dict, list[Problem]]:
    """Open every audio file of a corpus (in parallel threads) and take stock.

    Args:
        corpus: as loaded; its own problems are reported too.
        strict: raise the first error rather than report it.

    Returns:
        ``utterances``, ``speakers``, ``dialogues``, ``minutes`` (one decimal) and ``emotions``
        (label → count) of all usable utterances, 0 for what the corpus does not say, and
        ``published``, which totals differ from the published ones
        (``serlib.corpora.published.compare``); and the problems, errors first, one for each
        utterance or file.

    Raises:
        CorpusError: an error, if strict.
    """
    files = _look(corpus)
    found = [problem for file in files for problem in file.problems]
    errors = [p for p in (*corpus.problems, *found) if p.severity == "error"]
    if strict and errors:
        raise CorpusError(f"{corpus.name}: {errors[0]}")
    notes = [p for p in (*corpus.problems, *found) if p.severity == "note"]
    notes += [*_rates(files), *_identical(corpus, files)]
    seconds = {utterance: s for file in files for utterance, s in file.seconds.items()}
    text_only = corpus.table["path"].isna()
    usable = corpus.table[text_only | corpus.table.index.isin(list(seconds))]
    counts = totals(usable, corpus.labels)
    stock = {
        "utterances": counts["utterances"],
        "speakers": counts["speakers"],
        "dialogues": counts["dialogues"],
        "minutes": round(sum(seconds.values()) / 60, 1),
        "emotions": {label: counts[f"emotion {label}"] for label in corpus.labels},
        "published": compare(corpus.name, corpus.labels, counts),
    }
    return stock, [*errors, *notes]


def _look(corpus: Corpus) -> list[_File]:
    from tqdm import tqdm

    groups = list(corpus.table[corpus.table["path"].notna()].groupby("path", sort=False))
    with ThreadPoolExecutor() as pool:
        jobs = pool.map(lambda group: _examine(corpus.root, *group), groups)
        try:
            return list(tqdm(jobs, "checking", len(groups), unit="file", leave=False, disable=None))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise


def _examine(root: Path, path: str, rows: pd.DataFrame) -> _File:
    import soundfile

    file, seconds, problems = root / path, {}, []
    for utterance, row in rows.iterrows():
        found = inspect(file, row["start"], row["end"])
        where = path if pd.isna(row["start"]) and pd.isna(row["end"]) else f"{path} ({utterance})"
        if any(problem.severity == "error" for problem in found):
            problems.append(replace(found[0], where=where))
        else:
            problems += [replace(p, where=path) for p in found if seconds == {}]
            seconds[utterance] = duration(file, row["start"], row["end"])
    if not seconds:
        return _File(path, "", 0, {}, problems)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return _File(path, digest, soundfile.info(file).samplerate, seconds, problems)


def merge(problems: list[Problem]) -> list[Problem]:
    """Make one problem of all that differ only in their place; of many places five are named."""
    places = defaultdict(list)
    for problem in problems:
        places[problem.reason, problem.action, problem.severity].append(problem.where)
    return [Problem(_some(wheres), *key) for key, wheres in places.items()]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _rates(files: list[_File]) -> list[Problem]:
    counts = Counter(file.rate for file in files if file.seconds).most_common()
    if len(counts) < 2:
        return []
    reason = "sample rates differ: " + ", ".join(f"{rate} Hz in {n} files" for rate, n in counts)
    return [Problem("audio", reason, "see that no emotion or speaker has its own", "note")]


def _identical(corpus: Corpus, files: list[_File]) -> list[Problem]:
    """Note utterances that are the same audio: equal bytes, and the same part of them."""
    parts = corpus.table[["start", "end"]].fillna(-1).T.to_dict("list")
    same = defaultdict(list)
    for file in files:
        for utterance in file.seconds:
            same[file.digest, *parts[utterance]].append(utterance)
    action = "keep them in one fold, or drop all but one"
    return [
        Problem(_some(group), "are byte-identical audio", action, "note")
        for group in same.values()
        if len(group) > 1
    ]
