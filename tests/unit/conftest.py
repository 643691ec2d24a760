"""A corpus in miniature: what ``serlib.views.load`` needs and no more."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from serlib.errors import AudioError


class TinyCorpus:
    """Made clips in a folder, with the two methods and the table that views use."""

    def __init__(self, root: Path, table: pd.DataFrame):
        self.root, self.table, self.reads = root, table, 0

    def path(self, utterance: str) -> Path:
        return self.root / self.table.loc[utterance, "path"]

    def audio(self, utterance: str) -> tuple[np.ndarray, int]:
        self.reads += 1
        row = self.table.loc[utterance]
        try:
            waveform, rate = sf.read(self.path(utterance), dtype="float32")
        except sf.LibsndfileError as error:
            raise AudioError(f"{row['path']}: cannot be read; replace it") from error
        start = 0 if np.isnan(row["start"]) else round(row["start"] * rate)
        end = len(waveform) if np.isnan(row["end"]) else round(row["end"] * rate)
        return waveform[start:end], rate


def tone(seconds: float, hertz: float = 440.0, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """A tone with a little noise, so that no band is empty."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    return (0.3 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)


def make_corpus(root: Path, count: int = 6, seconds: float = 0.3) -> TinyCorpus:
    """Clips u0, u1, … of different pitch and length, each with a text."""
    names = [f"u{number}" for number in range(count)]
    root.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        clip = tone(seconds + 0.02 * (number % 5), 200 + 50 * number, seed=number)
        if not (root / f"{name}.wav").exists():  # two processes may share the folder
            sf.write(root / f"{name}.wav", clip, 16000)
    columns = {"path": [f"{name}.wav" for name in names], "start": np.nan, "end": np.nan}
    texts = [f"this is number {number}" for number in range(count)]
    return TinyCorpus(root, pd.DataFrame({**columns, "text": texts}, index=names))


@pytest.fixture(name="tone")
def _tone() -> Callable:
    return tone


@pytest.fixture(name="make_corpus")
def _make_corpus() -> Callable:
    return make_corpus


@pytest.fixture
def tiny(tmp_path: Path) -> TinyCorpus:
    """Six clips."""
    return make_corpus(tmp_path / "corpus")
