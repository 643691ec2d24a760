"""Reading audio files with soundfile: what cannot be used is refused with one clear line."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from serlib.errors import AudioError, Problem

SILENCE = 1e-5  # Below one step of 16 bits: nothing was recorded.
TOLERANCE = 0.01  # Seconds an annotated end may lie past the file: tables round to 10 ms.
NARROW_RATE = 16000
FORMATS = {
    ".wav": {"WAV", "WAVEX", "RF64"},
    ".flac": {"FLAC"},
    ".aif": {"AIFF"},
    ".aiff": {"AIFF"},
    ".ogg": {"OGG"},
    ".mp3": {"MP3"},
}
# libsndfile shortens a cut file without an error, but its log tells the two sizes.
_CUT = re.compile(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
_STREAMED = 0x7FFFFFF0  # Programs that write to a pipe put the largest size for "unknown".


def read_audio(
    path: str | Path, start: float = math.nan, end: float = math.nan
) -> tuple[np.ndarray, int]:
    """Read a file or a part of it as one channel, at the file's own sample rate.

    Args:
        path: any format that libsndfile knows, judged by content and not by name.
        start: first second, NaN for the beginning.
        end: last second, NaN for the end; may lie up to 10 ms past the file.

    Returns:
        The waveform, float32 in [-1, 1] with shape (samples,), channels averaged; and the
        sample rate in Hz.

    Raises:
        AudioError: missing, empty, truncated, zero-length or silent file, NaN or infinite samples,
            or a segment outside it. ``args[0]`` is the ``Problem``.
    """
    waveform, rate, _ = _read(Path(path), start, end)
    return waveform, rate


def duration(path: str | Path, start: float = math.nan, end: float = math.nan) -> float:
    """Return the seconds of a file or a part of it, from its header alone.

    Raises:
        AudioError: as ``read_audio``, as far as the header tells.
    """
    with _opened(Path(path)) as file:
        first, last = _segment(file, Path(path), start, end)
        return (last - first) / file.samplerate


def inspect(path: str | Path, start: float = math.nan, end: float = math.nan) -> list[Problem]:
    """Read a file (or a part of it) and list what one should know about it.

    Returns:
        Notes (several channels, a narrow or unusually high rate, content that is not what the name
        says), or the single error that makes it unusable; empty if all is well.
    """
    try:
        return _read(Path(path), start, end)[2]
    except AudioError as error:
        return [error.args[0]]


def _read(path: Path, start: float, end: float) -> tuple[np.ndarray, int, list[Problem]]:
    with _opened(path) as file:
        first, last = _segment(file, path, start, end)
        file.seek(first)
        samples = file.read(last - first, dtype="float32", always_2d=True)
        rate, notes = file.samplerate, _notes(file, path)
    if len(samples) < last - first:
        reason = f"truncated: {len(samples)} of {last - first} samples could be read"
        raise _error(path, reason, "fetch it again")
    waveform = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    if not np.isfinite(waveform).all():
        raise _error(path, "holds NaN or infinite samples", "export it again from its source")
    if np.abs(waveform).max() < SILENCE:
        raise _error(path, "silent: no sample reaches 1e-5", "record or fetch it again")
    return waveform, rate, notes


@contextmanager
def _opened(path: Path) -> Iterator:
    import soundfile

    if not path.is_file():
        raise _error(path, "no such audio file", "check the name and the corpus' root")
    try:
        if path.stat().st_size == 0:
            raise _error(path, "empty: 0 bytes", "fetch it again")
        with soundfile.SoundFile(path) as file:
            _refuse_cut(file, path)
            yield file
    except (OSError, soundfile.SoundFileError) as error:
        detail = str(getattr(error, "error_string", error)).rstrip(". ")
        reason = f"cannot be read as audio ({detail})"
        raise _error(path, reason, "it is cut or of another kind: fetch or convert it") from None


def _refuse_cut(file, path: Path) -> None:
    cut = _CUT.search(file.extra_info)
    if cut and int(cut[2]) < int(cut[1]) < _STREAMED:
        reason = f"truncated: {cut[2]} of {cut[1]} bytes of audio are there"
        raise _error(path, reason, "fetch it again")
    if file.frames == 0:
        raise _error(path, "zero-length: a header without samples", "fetch it again")


def _segment(file, path: Path, start: float, end: float) -> tuple[int, int]:
    seconds = file.frames / file.samplerate
    begin = 0.0 if math.isnan(start) else start
    stop = seconds if math.isnan(end) else end
    first = round(begin * file.samplerate)
    last = min(round(stop * file.samplerate), file.frames)
    if begin < 0 or stop > seconds + TOLERANCE or first >= last:
        reason = f"segment {begin:g}-{stop:g} s is not inside its {seconds:.3f} s"
        raise _error(path, reason, "correct start and end")
    return first, last


def _notes(file, path: Path) -> list[Problem]:
    found = []
    expected = FORMATS.get(path.suffix.lower())
    if expected and file.format not in expected:
        found.append((f"is {file.format} inside, although named {path.suffix}", "read as it is"))
    if file.channels > 1:
        found.append((f"has {file.channels} channels", "they are averaged"))
    if file.samplerate < NARROW_RATE:
        band = f"{file.samplerate / 2000:g} kHz"
        found.append((f"is sampled at {file.samplerate} Hz", f"nothing above {band} is in it"))
    if file.samplerate > 3 * NARROW_RATE:
        found.append((f"is sampled at {file.samplerate} Hz", "views resample it"))
    return [Problem(str(path), reason, action, "note") for reason, action in found]


def _error(path: Path, reason: str, action: str) -> AudioError:
    return AudioError(Problem(str(path), reason, action))
