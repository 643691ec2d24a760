"""The eight measures move as their names say, on sounds that are made for it."""

import numpy as np
import pytest
import soundfile

from serlib.corpora import Corpus
from serlib.views.prosody import MEASURES, prosody

RATE = 16000


def buzz(f0, gain=0.1, jitter=0.0, seconds=1.2, tilt=1.0):
    """A voice-like sound: pulses at f0, each a damped resonance at 700 Hz."""
    rng = np.random.default_rng(0)
    wave, time = np.zeros(int(seconds * RATE)), 0.05
    pulse = np.exp(-np.arange(400) / 60) * np.sin(2 * np.pi * 700 * tilt * np.arange(400) / RATE)
    while time < seconds - 0.05:
        start = int(time * RATE)
        wave[start : start + 400] += pulse[: len(wave) - start]
        time += (1 + jitter * rng.normal()) / f0
    return gain * wave / np.abs(wave).max()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    sounds = {
        "plain": buzz(120),
        "high": buzz(240),
        "loud": buzz(120, gain=0.4),
        "rough": buzz(120, jitter=0.03),
        "bright": buzz(120, tilt=3),
    }
    rows = []
    for name, wave in sounds.items():
        soundfile.write(root / f"{name}.wav", wave, RATE)
        rows.append({"utterance": name, "path": f"{name}.wav", "speaker": "a"})
    corpus = Corpus.build("made", root, rows, licence="none", labels=("anger",))
    cache = pytest.MonkeyPatch()
    cache.setenv("SERLIB_CACHE", str(root / "cache"))
    yield prosody(corpus)
    cache.undo()


def test_every_measure_has_its_column(measured):
    assert list(measured.columns) == list(MEASURES)


@pytest.mark.parametrize(
    ("sound", "measure", "step", "tolerance"),
    [
        ("high", "pitch (semitones)", 12, 0.5),
        ("loud", "level (dB)", 12.04, 0.3),
    ],
)
def test_known_steps_are_measured(measured, sound, measure, step, tolerance):
    assert measured.loc[sound, measure] - measured.loc["plain", measure] == pytest.approx(
        step, abs=tolerance
    )


def test_a_rough_voice_has_jitter_and_fewer_harmonics_a_bright_one_more_treble(measured):
    plain, rough, bright = (measured.loc[name] for name in ("plain", "rough", "bright"))
    assert rough["jitter (share)"] > 3 * plain["jitter (share)"]
    assert rough["harmonics to noise (dB)"] < plain["harmonics to noise (dB)"] - 3
    assert bright["brightness (dB)"] > plain["brightness (dB)"] + 6
