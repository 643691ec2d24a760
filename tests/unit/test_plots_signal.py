"""Figures of sound show what they were given, read back from the axes."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from serlib import plots_signal

RATE = 16000
TONE = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_waveform_is_cut_where_asked():
    ax = plots_signal.waveform(TONE, RATE, 0.25, 0.5)
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_ydata(), TONE[4000:8000])
    assert line.get_xdata()[[0, -1]] == pytest.approx([0.25, 0.5 - 1 / RATE])
    assert plots_signal.waveform(TONE, RATE).get_xlim() == (0, 1)


def test_a_spectrum_has_its_peak_at_the_tone():
    ax = plots_signal.spectra({"tone": TONE[:800], "silence": 0 * TONE[:800]}, RATE)
    tone, silence = ax.lines
    assert tone.get_xdata()[tone.get_ydata().argmax()] == pytest.approx(1.0, abs=0.01)
    # The Hann window's own sum is half its length: 20 log10(800 / 4) for a sine.
    assert tone.get_ydata().max() == pytest.approx(46.0, abs=0.1)
    np.testing.assert_allclose(silence.get_ydata(), -100)


def test_a_spectrogram_has_its_ridge_at_the_tone():
    ax = plots_signal.spectrogram(TONE, RATE, 0.04)
    (image,) = ax.images
    values = image.get_array()
    left, right, low, high = image.get_extent()
    assert (left, right) == pytest.approx((0, 1), abs=0.05)
    assert (low, high) == pytest.approx((0, 8), abs=0.05)
    row = values[:, values.shape[1] // 2].argmax()
    assert low + (row + 0.5) * (high - low) / len(values) == pytest.approx(1.0, abs=0.02)
    assert image.get_clim() == pytest.approx((values.max() - 60, values.max()))


def test_moves_are_written_and_coloured_alike_up_and_down():
    frame = pd.DataFrame([[1.5, -2.0]], index=["higher"], columns=["pitch", "level"])
    ax = plots_signal.moves(frame, 3)
    assert [text.get_text() for text in ax.texts] == ["1.5", "-2.0"]
    (mesh,) = ax.collections
    assert mesh.get_clim() == (-3, 3)
    np.testing.assert_allclose(mesh.get_array(), frame)
