"""Pooling keeps vectors, and sums frames up by their mean and deviation."""

import numpy as np
import pytest

from serlib.views.pooling import pooled


@pytest.mark.parametrize("shape", [(7, 4), (7, 3, 4)])
def test_frames_become_means_and_deviations(shape):
    rng = np.random.default_rng(0)
    features = {"a": rng.normal(size=shape), "b": rng.normal(size=(2, *shape[1:]))}
    found = pooled(features)
    assert list(found.index) == ["a", "b"]
    frames = features["b"].reshape(2, -1)
    middle, half = (frames[0] + frames[1]) / 2, np.abs(frames[0] - frames[1]) / 2
    np.testing.assert_allclose(found.loc["b"], [*middle, *half])


def test_vectors_stay():
    found = pooled({"a": np.array([1.0, 2.0], "f4"), "b": np.array([3.0, 4.0], "f4")})
    assert found.to_numpy().tolist() == [[1, 2], [3, 4]]
