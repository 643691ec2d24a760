"""Speech made harder: additive noise at a given level, and a room.

Shapes: S samples. The chance in them depends on the clip and the seed alone, so that every model
meets the same noise.
"""

import zlib

import numpy as np

from serlib.errors import ViewError


def add_noise(waveform: np.ndarray, snr: float, seed: int = 0) -> np.ndarray:
    """Add pink noise at a signal-to-noise ratio, by torchaudio.

    Equation: 8.10, with x = ``waveform`` and n = pink noise (equal power in every octave).

    Args:
        waveform: (S,). Its power is that of the whole clip, pauses included.
        snr: in dB; 0 makes the noise as strong as the clip.
        seed: of the noise, with the clip's content.

    Returns:
        (S,), float32.

    Raises:
        ViewError: the clip is silent, so that no ratio exists.
    """
    import torch
    from torchaudio.functional import add_noise as mix

    waveform = np.asarray(waveform, np.float32)
    if not np.any(waveform):
        raise ViewError("the clip is silent, a signal-to-noise ratio is undefined; leave it out")
    noise = _pink(len(waveform), _chance(waveform, seed))
    clip, noise, level = (torch.from_numpy(np.float32(a)[None]) for a in (waveform, noise, [snr]))
    return mix(clip, noise, level[0])[0].numpy()


def room(t60: float, sample_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Make a room's impulse response: the direct sound, then noise that dies away.

    Equation: 8.11, with T = ``t60``. It falls by 60 dB in T seconds, and carries as much energy as
    the direct sound, as at the critical distance.

    Args:
        t60: reverberation time in seconds: 0.3 a furnished room, 1 a bare hall.
        sample_rate: in Hz.
        seed: of the noise.

    Returns:
        (1.2 T · rate,), the direct sound first, of energy 1.
    """
    time = np.arange(1, round(1.2 * t60 * sample_rate)) / sample_rate
    tail = np.random.default_rng(seed).normal(size=len(time)) * 10 ** (-3 * time / t60)
    response = np.r_[1.0, tail / np.linalg.norm(tail)]
    return response / np.sqrt(2)


def reverberate(
    waveform: np.ndarray, t60: float, sample_rate: int = 16000, seed: int = 0
) -> np.ndarray:
    """Hear a clip in a room; it keeps its length, the last echoes are cut.

    Args:
        waveform: (S,).
        t60: see `room`.
        sample_rate: in Hz.
        seed: of the room: the same for all clips.
    """
    import torch
    from torchaudio.functional import fftconvolve

    parts = (np.asarray(waveform, np.float32), room(t60, sample_rate, seed).astype(np.float32))
    return fftconvolve(*map(torch.from_numpy, parts))[: len(waveform)].numpy()


def _chance(waveform: np.ndarray, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(waveform.tobytes())])


def _pink(samples: int, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(rng.normal(size=samples))
    scale = np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    spectrum[0] = 0
    return np.fft.irfft(spectrum / scale, samples)
