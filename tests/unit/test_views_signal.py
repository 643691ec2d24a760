"""Signal views against independent computations: Kaldi filterbanks, log-mel, eGeMAPS."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import librosa
import numpy as np
import opensmile
import pytest
import soxr

from serlib.errors import ViewError
from serlib.views import ByolS, Egemaps, EgemapsLLD, Fbank, LogMel, available


def kaldi_by_hand(waveform: np.ndarray, bands: int = 80) -> np.ndarray:
    """Kaldi's recipe, written out: 40/10 ms, no mean, pre-emphasis, Hamming, HTK mel triangles."""
    frames = np.stack([waveform[i : i + 640] for i in range(0, len(waveform) - 639, 160)])
    frames = frames.astype(np.float64) * 2**15
    frames -= frames.mean(axis=1, keepdims=True)
    emphasised = frames - 0.97 * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    power = np.abs(np.fft.rfft(emphasised * np.hamming(640), 1024)) ** 2
    mel = lambda hertz: 1127 * np.log(1 + hertz / 700)
    edges = np.linspace(mel(0), mel(8000), bands + 2)
    bins = mel(np.arange(513) * 16000 / 1024)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rise, fall))
    filters[:, 512] = 0  # Kaldi leaves out the bin at half the sample rate
    return np.log(np.maximum(power @ filters.T, np.finfo(np.float32).eps))


def test_fbank_is_kaldis(tone):
    clip = tone(1.0)
    array = Fbank().extract(clip, 16000)
    assert array.shape == (1 + (16000 - 640) // 160, 80)
    np.testing.assert_allclose(array, kaldi_by_hand(clip), rtol=0, atol=2e-3)


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 4000.0])
def test_fbank_peaks_at_the_band_of_a_tone(tone, hertz):
    mel = lambda value: 1127 * np.log(1 + value / 700)
    expected = mel(hertz) / mel(8000) * 81 - 1  # centres lie at 1/81 … 80/81 of the mel range
    peak = Fbank().extract(tone(0.5, hertz), 16000).mean(axis=0).argmax()
    assert abs(peak - expected) <= 1


@pytest.mark.parametrize(
    ("view", "htk", "norm"), [(LogMel(), False, "slaney"), (LogMel(scale="htk"), True, None)]
)
def test_logmel_is_librosas(tone, view, htk, norm):
    clip = tone(0.7)
    power = librosa.feature.melspectrogram(
        y=clip, sr=16000, n_fft=512, win_length=400, hop_length=160, n_mels=64, fmin=0, fmax=8000,
        htk=htk, norm=norm, pad_mode="reflect",
    )  # fmt: skip
    array = view.extract(clip, 16000)
    assert array.shape == (1 + len(clip) // 160, 64)
    np.testing.assert_allclose(array, np.log(power + 1e-10).T, rtol=0, atol=2e-3)
    decibels = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None).T
    np.testing.assert_allclose(array * 10 / np.log(10), decibels, rtol=0, atol=2e-2)


def test_logmel_takes_byols_input(tone):
    view = LogMel(fft=1024, window=1024, low=60, high=7800, scale="htk")
    power = librosa.feature.melspectrogram(
        y=tone(0.7), sr=16000, n_fft=1024, hop_length=160, n_mels=64, fmin=60, fmax=7800, htk=True,
        norm=None, pad_mode="reflect",
    )  # fmt: skip
    np.testing.assert_allclose(view.extract(tone(0.7), 16000), np.log(power + 1e-10).T, atol=2e-3)


@pytest.mark.parametrize(
    ("view", "level"), [(Egemaps(), "Functionals"), (EgemapsLLD(), "LowLevelDescriptors")]
)
def test_egemaps_is_opensmiles(tone, view, level):
    clip = tone(0.5, 150)
    smile = opensmile.Smile("eGeMAPSv02", opensmile.FeatureLevel[level])
    table = smile.process_signal(clip, 16000)
    array = view.extract(clip, 16000)
    expected = table.to_numpy(dtype=np.float32)
    np.testing.assert_array_equal(array, expected[0] if level == "Functionals" else expected)
    assert view.feature_names == tuple(table.columns)
    assert array.shape == ((88,) if level == "Functionals" else (len(table), 25))


@pytest.mark.parametrize("view", [Egemaps(), EgemapsLLD()], ids=["functionals", "lld"])
def test_egemaps_of_a_clip_does_not_depend_on_those_before_it_or_beside_it(tone, view):
    level = opensmile.FeatureLevel[view.level]
    clips = [tone(0.1 + 0.05 * n, 100 + 40 * n, seed=n) for n in range(6)] * 3
    smile = opensmile.Smile("eGeMAPSv02", level)
    alone = [smile.process_signal(clip, 16000).to_numpy(np.float32) for clip in clips[:6]] * 3
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda clip: view.extract(clip, 16000), clips))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one if one.shape[0] > 1 else one[0], other)


def test_a_full_scale_sample_does_not_wrap_round(tone):
    clip = tone(0.5, 150)
    clip[4000:4004] = 1.0
    bounded = np.minimum(clip, np.float32(32767 / 32768))
    assert np.array_equal(Egemaps().extract(clip, 16000), Egemaps().extract(bounded, 16000))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_any_rate_is_resampled_to_the_views(tone, rate):
    clip = tone(0.5, 1000, rate)
    array = Fbank().extract(clip, rate)
    expected = Fbank().extract(soxr.resample(clip, rate, 16000), 16000)
    np.testing.assert_array_equal(array, expected)
    reference = Fbank().extract(tone(0.5, 1000), 16000)
    assert abs(len(array) - len(reference)) <= 1
    assert array.mean(axis=0).argmax() == reference.mean(axis=0).argmax()


@pytest.mark.parametrize(
    ("view", "samples"),
    [(Fbank(), 640), (LogMel(), 400), (Egemaps(), 960), (EgemapsLLD(), 960)],
)
def test_the_shortest_clip_works_and_one_sample_less_is_refused_with_the_minimum(view, samples):
    clip = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    assert np.isfinite(view.extract(clip, 16000)).all()
    with pytest.raises(ViewError, match=f"at least {samples / 16:.1f} ms"):
        view.extract(clip[1:], 16000)


def test_a_waveform_that_is_not_mono_is_refused(tone):
    with pytest.raises(ViewError, match=r"\(2, 8000\)"):
        Fbank().extract(np.stack([tone(0.5), tone(0.5)]), 16000)


def test_values_that_are_not_finite_are_refused(tone):
    clip = tone(0.5)
    clip[100] = np.nan
    with pytest.raises(ViewError, match="not finite"):
        Fbank().extract(clip, 16000)


def test_half_precision_keeps_three_digits(tone):
    whole, half = (Fbank(dtype=d).extract(tone(0.5), 16000) for d in ("float32", "float16"))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, whole, rtol=1e-3)
    with pytest.raises(ViewError, match="float64"):
        Fbank(dtype="float64")


def test_values_beyond_half_precision_are_an_error_not_infinity():
    with pytest.raises(ViewError, match="float32"):
        Fbank(dtype="float16")._finish(np.array([1e5]))


CHANGES = {
    Fbank(): {"bands": 40, "frame": 25.0, "shift": 20.0, "low": 20.0, "high": 7600.0},
    LogMel(): {"bands": 40, "fft": 1024, "window": 320, "hop": 80, "low": 60.0, "high": 7800.0}
    | {"scale": "htk", "floor": 1e-6},
    ByolS(): {"frames": True},
    Egemaps(): {},
    EgemapsLLD(): {},
}


@pytest.mark.parametrize("view", CHANGES, ids=lambda view: view.name)
def test_the_fingerprint_changes_with_every_field(view):
    changes = CHANGES[view] | {"dtype": "float16"}
    excused = {"weights", "mean", "std"}
    assert {field.name for field in fields(view)} - excused == set(changes)
    seen = {view.fingerprint} | {replace(view, **{k: v}).fingerprint for k, v in changes.items()}
    assert len(seen) == 1 + len(changes)
    assert len(view.fingerprint) == 16


def test_the_fingerprint_knows_the_class_the_code_and_the_extractors_version(monkeypatch):
    first = Egemaps().fingerprint
    assert first != EgemapsLLD().fingerprint
    assert ByolS().fingerprint != ByolS(mean=0.0, std=1.0).fingerprint
    assert ByolS(weights="elsewhere.pth").fingerprint == ByolS().fingerprint
    with monkeypatch.context() as patch:
        patch.setattr(Egemaps, "code_revision", 2)
        assert Egemaps().fingerprint != first
    monkeypatch.setattr("serlib.views.base.version", lambda name: f"{name}-next")
    assert Egemaps().fingerprint != first


def test_the_fingerprint_is_the_same_in_another_process():
    code = "from serlib.views import Fbank; print(Fbank(bands=40).fingerprint)"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == Fbank(bands=40).fingerprint


def test_available_gives_views_by_slug():
    made = available()
    assert {"fbank", "logmel", "egemaps", "egemaps-lld", "byol-s", "sentence"} <= set(made)
    assert all(make().dtype == "float32" for make in made.values())
