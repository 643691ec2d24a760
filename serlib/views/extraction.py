"""``load``: the arrays of a whole corpus, from the store where they are there, else computed.

Threads, not processes: openSMILE, torch, soxr and file access all release the interpreter's lock,
so two threads keep two cores busy, nothing is copied between processes, and Ctrl-C ends one
process. Torch computes on one thread within each, which also makes a result independent of the
machine's number of cores.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from serlib.errors import AudioError, CorpusError, Problem, ViewError
from serlib.views.base import View
from serlib.views.features import Features, folder
from serlib.views.store import Store

_BAD_ITEM = (AudioError, CorpusError, ViewError)


class CorpusLike(Protocol):
    """What ``load`` needs of a corpus."""

    table: pd.DataFrame

    def path(self, utterance: str) -> Path:
        """The audio file."""

    def audio(self, utterance: str) -> tuple[np.ndarray, int]:
        """The waveform and its rate."""


def load(
    corpus: CorpusLike,
    view: View,
    *,
    strict: bool = False,
    progress: bool = True,
    workers: int | None = None,
    store: Store | None = None,
) -> Features:
    """Give each utterance's array; compute and store those that are missing, on all cores.

    Args:
        corpus: whose utterances (``table``, ``path``, ``audio``).
        view: what to compute.
        strict: raise at the first bad utterance instead of leaving it out.
        progress: show a bar on stderr.
        workers: threads; all cores by default.
        store: where arrays are kept; the user's cache by default.

    Returns:
        The arrays, and what was left out with the reason.

    Raises:
        AudioError, CorpusError, ViewError: with ``strict``, the first bad utterance.
        StoreError: the store cannot be written (a full disk); what was stored stays valid.
    """
    store = Store() if store is None else store
    name = folder(view)
    store.tidy(name)
    keys = _keys(corpus, view, store)
    missing = [item for item, key in keys.items() if key is None or not store.has(name, key)]
    problems: dict[str, Problem] = {}
    if missing:
        view.prepare()
        jobs = _Jobs(corpus, view, store, name, keys)
        problems = jobs.run(missing, strict, progress, workers)
    left_out = [problems[item] for item in keys if item in problems]
    if left_out:
        _report(left_out, len(keys), view)
    return Features(view, store, {i: k for i, k in keys.items() if i not in problems}, left_out)


class _Jobs:
    """Extraction of the missing arrays."""

    def __init__(self, corpus: CorpusLike, view: View, store: Store, name: str, keys: dict):
        self.corpus, self.view, self.store, self.name, self.keys = corpus, view, store, name, keys

    def run(
        self, missing: list[str], strict: bool, progress: bool, workers: int | None
    ) -> dict[str, Problem]:
        """Compute all; give the problems by utterance."""
        from joblib import cpu_count
        from tqdm import tqdm

        problems = {}
        workers = min(workers or cpu_count(), len(missing))
        with (
            one_torch_thread(self.view),
            _pool(workers) as pool,
            tqdm(total=len(missing), desc=self.view.name, unit="utt", disable=not progress) as bar,
        ):
            todo, running = iter(missing), {}
            while True:
                # A few ahead and no more: a future for each of 100 000 utterances takes memory.
                for item in islice(todo, 4 * workers - len(running)):
                    running[pool.submit(self._one, item)] = item
                if not running:
                    break
                for job in wait(running, return_when=FIRST_COMPLETED).done:
                    item, error = running.pop(job), job.result()
                    if error is not None and strict:
                        raise error
                    if error is not None:
                        problems[item] = Problem(item, str(error))
                    bar.update()
        return problems

    def _one(self, utterance: str) -> Exception | None:
        """Compute and store one array; a bad utterance's error is returned, others are raised."""
        try:
            if self.view.source == "text":
                array = self.view.extract(self.corpus.table.loc[utterance, "text"])
            else:
                array = self.view.extract(*self.corpus.audio(utterance))
            if self.keys[utterance] is None:
                raise AudioError(f"{self.corpus.path(utterance)}: cannot be read; check its rights")
        except _BAD_ITEM as error:
            return error
        except Exception as error:
            error.add_note(f"while {self.view.name} saw {utterance}")
            raise
        self.store.write(self.name, self.keys[utterance], array)
        return None


def _keys(corpus: CorpusLike, view: View, store: Store) -> dict[str, Any]:
    """Each utterance's key in the store; None where there is nothing to name it by."""
    table = corpus.table
    if view.source == "text":
        texts = table["text"].items()
        return {item: store.text_key(t) if isinstance(t, str) else None for item, t in texts}
    keys: dict[str, str | None] = {}
    for utterance, start, end in zip(table.index, table["start"], table["end"], strict=True):
        try:
            keys[utterance] = store.key(corpus.path(utterance), start, end)
        except (OSError, *_BAD_ITEM):
            keys[utterance] = None  # reading the audio will say what is wrong
    store.save_hashes()
    return keys


def _report(left_out: list[Problem], total: int, view: View) -> None:
    for problem in left_out:
        print(problem, file=sys.stderr)
    print(f"{view.name}: {len(left_out)} of {total} utterances left out", file=sys.stderr)


@contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that drops what has not begun when an error or Ctrl-C comes."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_torch_thread(view: View) -> Iterator[None]:
    """Let torch compute on one thread; its many small steps would wait for one another else."""
    if "torch" not in view.packages:  # a view without torch should not pay for its import
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
