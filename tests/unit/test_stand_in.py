"""The untrained stand-in: a speech model like any other, the same on every machine."""

import numpy as np

from serlib.views import SpeechModel
from serlib.views.stand_in import stand_in


def test_a_seed_a_model(tmp_path, tone):
    names = [stand_in(tmp_path / n, seed) for n, seed in [("a", 0), ("b", 0), ("c", 1)]]
    views = [SpeechModel(name, layers=(0, 4)) for name in names]
    assert views[0].config() == views[1].config() != views[2].config()
    arrays = [view.extract(tone(0.5), 16000) for view in views]
    assert arrays[0].shape == (24, 2, 48)
    np.testing.assert_array_equal(arrays[0], arrays[1])
    assert not np.allclose(arrays[0], arrays[2])


def test_it_hears(tmp_path, tone):
    """Two tones look different, and the same tone the same."""
    view = SpeechModel(stand_in(tmp_path), layers=(4,))
    low, high, again = (view.extract(tone(0.5, f), 16000) for f in (200, 900, 200))
    np.testing.assert_array_equal(low, again)
    assert np.abs(low.mean(0) - high.mean(0)).mean() > 0.1 * low.std()
