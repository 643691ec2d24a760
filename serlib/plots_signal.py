"""Figures of sound: waveforms, spectra, spectrograms; the house style of `serlib.plots`."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from serlib.plots import COLOURS

_FLOOR = 1e-10


def waveform(
    wave: np.ndarray,
    rate: int,
    start: float = 0.0,
    end: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw samples over time.

    Args:
        wave: (samples,).
        rate: in Hz.
        start: first second.
        end: last second, None for the clip's end.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(7, 2), layout="constrained")[1]
    first, last = int(start * rate), len(wave) if end is None else int(end * rate)
    ax.plot(np.arange(first, last) / rate, wave[first:last], color=COLOURS[0], lw=0.8)
    ax.set(xlabel="time (s)", ylabel="amplitude", xlim=(first / rate, last / rate))
    return ax


def spectra(frames: Mapping[str, np.ndarray], rate: int, ax: Axes | None = None) -> Axes:
    """Draw the level of each frequency in a few frames, each under a Hann window.

    Args:
        frames: name → samples, (samples,).
        rate: in Hz.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(7, 3), layout="constrained")[1]
    for i, (name, frame) in enumerate(frames.items()):
        power = np.abs(np.fft.rfft(frame * np.hanning(len(frame)), 4096)) ** 2
        level = 10 * np.log10(power + _FLOOR)
        frequency = np.fft.rfftfreq(4096, 1 / rate) / 1000
        ax.plot(frequency, level, ("-", "--", ":")[i % 3], color=COLOURS[i], lw=1, label=name)
    ax.set(xlabel="frequency (kHz)", ylabel="level (dB)", xlim=(0, rate / 2000))
    ax.legend(frameon=False)
    return ax


def spectrogram(wave: np.ndarray, rate: int, window: float, ax: Axes | None = None) -> Axes:
    """Draw the level of each frequency over time, 60 dB deep.

    Args:
        wave: (samples,).
        rate: in Hz.
        window: length of the Hann window in seconds.
        ax: where to draw; None makes a new figure.
    """
    from scipy.signal import ShortTimeFFT
    from scipy.signal.windows import hann

    ax = ax or plt.subplots(figsize=(7, 3), layout="constrained")[1]
    length = round(window * rate)
    transform = ShortTimeFFT(hann(length, sym=False), rate // 2000, rate, mfft=max(1024, length))
    level = 10 * np.log10(transform.spectrogram(wave) + _FLOOR)
    top, extent = level.max(), transform.extent(len(wave))
    scaled = (*extent[:2], extent[2] / 1000, extent[3] / 1000)
    image = ax.imshow(
        level, origin="lower", aspect="auto", cmap="magma", extent=scaled, vmin=top - 60, vmax=top
    )
    ax.figure.colorbar(image, ax=ax, label="level (dB)")
    ax.set(xlabel="time (s)", ylabel="frequency (kHz)", xlim=(0, len(wave) / rate))
    return ax


def moves(frame: pd.DataFrame, limit: float, ax: Axes | None = None) -> Axes:
    """Draw a table of signed steps as a heat map: orange up, blue down, white for none.

    Args:
        frame: steps in some unit; rows are what was done, columns what was measured.
        limit: the step at which a colour is full.
        ax: where to draw; None makes a new figure.
    """
    size = (2.5 + 0.8 * frame.shape[1], 1.8 + 0.4 * frame.shape[0])
    ax = ax or plt.subplots(figsize=size, layout="constrained")[1]
    bar = {"label": "step (spreads)"}
    sns.heatmap(
        frame, vmin=-limit, vmax=limit, cmap="PuOr_r", annot=True, fmt=".1f", cbar_kws=bar, ax=ax
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=30)
    plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    ax.tick_params(axis="y", rotation=0)
    return ax
