"""Every equation of chapter 2 against the formula by hand, and against who computes the views."""

import math

import numpy as np
import pytest

from serlib.views import Fbank
from serlib.views.scales import frame_count, hz_to_mel, jitter


def test_equation_2_1_mel_scale():
    import librosa

    for f in (0.0, 50.0, 700.0, 1000.0, 8000.0):
        assert hz_to_mel(f) == pytest.approx(2595 * math.log10(1 + f / 700))
    assert hz_to_mel(1000.0) == pytest.approx(1000, abs=0.1)
    np.testing.assert_allclose(
        hz_to_mel(np.array([440.0, 4000.0])), librosa.hz_to_mel([440.0, 4000.0], htk=True)
    )


@pytest.mark.parametrize("samples", [639, 640, 641, 799, 800, 16000, 23456])
def test_equation_2_2_frames(samples):
    starts = [s for s in range(0, samples, 160) if s + 640 <= samples]
    assert frame_count(samples, 640, 160) == len(starts)
    if samples >= 640:
        wave = np.random.default_rng(0).normal(0, 0.1, samples).astype("f4")
        assert len(Fbank().extract(wave, 16000)) == len(starts)


def test_equation_2_3_jitter():
    import parselmouth
    from parselmouth.praat import call

    periods = np.array([10.0, 10.2, 9.9, 10.1])
    by_hand = (0.2 + 0.3 + 0.2) / 3 / ((10.0 + 10.2 + 9.9 + 10.1) / 4)
    assert jitter(periods) == pytest.approx(by_hand)
    many = 0.01 * (1 + 0.02 * np.random.default_rng(0).normal(size=200))
    times = 0.05 + np.concatenate([[0], many.cumsum()])
    pulses = call("Create empty PointProcess", "p", 0, float(times[-1]) + 0.05)
    for time in times:
        call(pulses, "Add point", float(time))
    praat = call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    assert isinstance(pulses, parselmouth.Data)
    assert jitter(many) == pytest.approx(praat, rel=1e-6)
