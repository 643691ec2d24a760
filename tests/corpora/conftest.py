"""Small files and trees in the corpora's own formats, made for each test."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf


@pytest.fixture
def clip():
    """Write a second of noise; say what is special about it."""

    def write(path, rate=16000, seconds=1.0, channels=1, seed=0, **options) -> Path:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (round(rate * seconds), channels)
        noise = np.random.default_rng(seed).normal(0, 0.1, shape).clip(-1, 1)
        sf.write(path, noise.squeeze(), rate, **options)
        return path

    return write


@pytest.fixture
def table_root(tmp_path, clip):
    """A folder with six clips in wav/ and a way to write its table."""
    for seed, name in enumerate("abcdef"):
        clip(tmp_path / f"wav/{name}.wav", seed=seed, seconds=1 + seed / 10)

    def write(text: str, name: str = "labels.csv", encoding: str = "utf-8") -> Path:
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path

    return write
