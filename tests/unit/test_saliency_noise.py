"""Distorted speech: seeded, at the level asked for, in the store under its own name."""

import numpy as np
import pytest
import soundfile as sf

from serlib.errors import ViewError
from serlib.papers.saliency_noise import add_noise, reverberate, room
from serlib.papers.saliency_views import CONDITIONS, Distorted, Untrained, encoder
from serlib.views import LogMel, Store, load


def test_noise_belongs_to_the_clip_and_the_seed(tone):
    clip, other = tone(0.3), tone(0.3, hertz=300)
    first, again, seed = (add_noise(clip, 10, seed=s) - clip for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first, seed)[0, 1]) < 0.5
    assert abs(np.corrcoef(first, add_noise(other, 10) - other)[0, 1]) < 0.5


def test_a_silent_clip_has_no_ratio():
    with pytest.raises(ViewError, match=r"silent.*undefined; leave it out"):
        add_noise(np.zeros(1600, "f4"), 10)


def test_a_room_keeps_the_length_and_smears_a_click():
    click = np.zeros(8000, "f4")
    click[1000] = 1
    heard = reverberate(click, 0.3)
    assert heard.shape == click.shape and heard.dtype == np.float32
    assert np.abs(heard[:1000]).max() < 1e-6, "nothing is heard before the click"
    np.testing.assert_allclose(heard[1000:2000], room(0.3)[:1000], atol=1e-6)
    long, short = ((reverberate(click, t)[4000:] ** 2).sum() for t in (1.0, 0.3))
    assert long > 10 * short


def test_each_condition_is_another_view_of_the_same_clip(tone):
    clip = tone(0.5)
    views = {name: Distorted(LogMel(), name) for name in CONDITIONS}
    assert len({view.fingerprint for view in views.values()}) == len(views)
    assert len({view.name for view in views.values()}) == len(views)
    seen = {name: view.extract(clip, 16000) for name, view in views.items()}
    clean = LogMel().extract(clip, 16000)
    np.testing.assert_array_equal(seen["clean"], clean)
    far = {name: np.abs(array - clean).mean() for name, array in seen.items()}
    assert 0 < far["noise 20 dB"] < far["noise 10 dB"] < far["noise 5 dB"] < far["noise 0 dB"]
    assert far["room 0.3 s"] > 0 and far["room 1.0 s"] > 0


def test_a_changed_view_or_seed_changes_the_fingerprint():
    prints = {
        Distorted(LogMel(), "noise 5 dB").fingerprint,
        Distorted(LogMel(), "noise 5 dB", seed=1).fingerprint,
        Distorted(LogMel(bands=40), "noise 5 dB").fingerprint,
    }
    assert len(prints) == 3
    with pytest.raises(ViewError, match="'street': use one of clean, noise 20 dB"):
        Distorted(LogMel(), "street")


def test_a_silent_clip_is_left_out_and_named(tiny, tmp_path, capsys):
    sf.write(tiny.root / "u2.wav", np.zeros(8000), 16000)
    view = Distorted(LogMel(), "noise 10 dB")
    seen = load(tiny, view, progress=False, store=Store(tmp_path / "store"))
    assert "u2" not in seen and len(seen) == 5
    assert "u2: the clip is silent" in capsys.readouterr().err


def test_the_untrained_encoder_needs_no_weights(monkeypatch, tone):
    monkeypatch.delenv("SERLIB_DATA", raising=False)
    view, clip = encoder("untrained"), tone(0.5)
    view.prepare()
    seen = view.extract(clip, 16000)
    assert seen.shape == (6, 512) and np.isfinite(seen).all()
    np.testing.assert_array_equal(seen, Untrained(frames=True).extract(clip, 16000))
    other = Untrained(frames=True, seed=1)
    assert other.fingerprint != view.fingerprint
    assert np.abs(other.extract(clip, 16000) - seen).max() > 1e-3


def test_encoders_by_name():
    assert encoder("logmel") == LogMel() and encoder("byol-s").frames
    assert encoder("some/model").model == "some/model"
