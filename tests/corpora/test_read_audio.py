import io
import math

import numpy as np
import pytest
import soundfile as sf

from serlib.corpora.audio import duration, inspect, read_audio
from serlib.errors import AudioError


def refused(path, *words):
    """The error is one line that names the file and says the words; inspect gives the same."""
    with pytest.raises(AudioError) as caught:
        read_audio(path)
    line = str(caught.value)
    assert "\n" not in line and str(path) in line
    for word in words:
        assert word in line
    (problem,) = inspect(path)
    assert problem.severity == "error" and str(problem) == line


def test_samples_are_those_of_the_file(tmp_path):
    samples = np.array([0, 1, -2, 16384, -32768], "int16")
    sf.write(tmp_path / "a.wav", samples, 16000)
    waveform, rate = read_audio(tmp_path / "a.wav")
    assert rate == 16000 and waveform.dtype == np.float32
    np.testing.assert_array_equal(waveform, samples / 32768)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000, 96000])
def test_any_rate_is_kept(tmp_path, clip, rate):
    waveform, read = read_audio(clip(tmp_path / "a.wav", rate))
    assert read == rate and waveform.shape == (rate,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 8000}, ["8000 Hz", "above 4 kHz"]),
        ({"rate": 96000}, ["96000 Hz"]),
        ({"channels": 2}, ["2 channels", "averaged"]),
        ({"format": "AIFF"}, ["AIFF", "named .wav"]),
    ],
)
def test_notes_name_what_is_unusual_and_the_file_is_still_read(tmp_path, clip, options, words):
    path = clip(tmp_path / "a.wav", **options)
    (note,) = inspect(path)
    assert note.severity == "note" and all(word in str(note) for word in words)
    assert read_audio(path)[0].ndim == 1


@pytest.mark.parametrize("rate", [16000, 48000])
def test_ordinary_files_have_no_notes(tmp_path, clip, rate):
    assert inspect(clip(tmp_path / "a.wav", rate)) == []


def test_channels_are_averaged(tmp_path):
    left, right = np.array([0.5, -0.25]), np.array([0.25, 0.75])
    sf.write(tmp_path / "a.wav", np.stack([left, right], 1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav")[0], [0.375, 0.25])


def test_missing(tmp_path):
    refused(tmp_path / "no.wav", "no such audio file")
    refused(tmp_path, "no such audio file")


def test_empty(tmp_path):
    (tmp_path / "a.wav").touch()
    refused(tmp_path / "a.wav", "empty", "0 bytes")


def test_zero_length(tmp_path):
    sf.write(tmp_path / "a.wav", np.zeros(0), 16000)
    refused(tmp_path / "a.wav", "zero-length")


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "AIFF", "FLAC"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_truncated(tmp_path, kind, share):
    file = io.BytesIO()
    sf.write(file, np.random.default_rng(0).normal(0, 0.1, 16000), 16000, format=kind)
    content = file.getvalue()
    (tmp_path / "a.wav").write_bytes(content[: int(len(content) * share)])
    refused(tmp_path / "a.wav", "fetch it again" if kind != "FLAC" else "cut")


def test_a_streamed_wav_of_unknown_size_is_not_truncated(tmp_path, clip):
    path = clip(tmp_path / "a.wav")
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    path.write_bytes(content)
    assert read_audio(path)[0].shape == (16000,)


@pytest.mark.parametrize("content", [b"RIFF", b"hello, I am a text" * 9])
def test_not_audio(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    refused(tmp_path / "a.wav", "cannot be read as audio")


def test_header_only(tmp_path, clip):
    path = clip(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:44])
    refused(path, "truncated")


@pytest.mark.parametrize("level", [0.0, 9e-6])
def test_silent(tmp_path, level):
    sf.write(tmp_path / "a.wav", np.full(1600, level), 16000, subtype="FLOAT")
    refused(tmp_path / "a.wav", "silent")


def test_quiet_is_not_silent(tmp_path):
    sf.write(tmp_path / "a.wav", np.full(1600, 2e-5), 16000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav")[0].shape == (1600,)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_not_finite(tmp_path, value):
    samples = np.full(1600, 0.1)
    samples[7] = value
    sf.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    refused(tmp_path / "a.wav", "NaN or infinite")


def test_a_segment_is_that_part_of_the_file(tmp_path, clip):
    path = clip(tmp_path / "a.wav")
    whole, _ = read_audio(path)
    part, _ = read_audio(path, 0.25, 0.5)
    np.testing.assert_array_equal(part, whole[4000:8000])
    assert duration(path, 0.25, 0.5) == 0.25
    assert duration(path) == 1 and duration(path, 0.75) == 0.25
    np.testing.assert_array_equal(read_audio(path, end=0.25)[0], whole[:4000])


def test_an_end_rounded_past_the_file_is_cut_to_it(tmp_path, clip):
    assert duration(clip(tmp_path / "a.wav"), 0.5, 1.01) == 0.5


@pytest.mark.parametrize(("start", "end"), [(-0.1, 1), (0.5, 0.5), (0.6, 0.5), (0, 1.02), (2, 3)])
def test_a_segment_outside_the_file(tmp_path, clip, start, end):
    path = clip(tmp_path / "a.wav")
    for function in (read_audio, duration):
        with pytest.raises(AudioError, match=r"not inside its 1.000 s"):
            function(path, start, end)
