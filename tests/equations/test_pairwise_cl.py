"""Every equation of chapter 5 against the formula written out by hand in NumPy."""

import numpy as np
import pytest
import torch

from serlib.papers.pairwise_cl import one_direction, pairwise_nt_xent
from serlib.papers.pairwise_cl_encoders import FramesEncoder


def cosine(x, y):
    return float(np.dot(x, y) / np.sqrt(np.dot(x, x)) / np.sqrt(np.dot(y, y)))


def term(a, b, tau, same_view):
    """ℓ_ab, one anchor after the other."""
    losses = []
    for i, anchor in enumerate(a):
        others = [np.exp(cosine(anchor, other) / tau) for other in b]
        bottom = sum(others)
        if same_view:
            bottom += sum(np.exp(cosine(anchor, x) / tau) for j, x in enumerate(a) if j != i)
        losses.append(-np.log(others[i] / bottom))
    return np.mean(losses)


def by_hand(z, tau, same_view):
    total = 0.0
    for a in range(len(z)):
        for b in range(a + 1, len(z)):
            total += (term(z[a], z[b], tau, same_view) + term(z[b], z[a], tau, same_view)) / 2
    return total


@pytest.mark.parametrize("same_view", [False, True])
def test_equation_5_1_one_direction(same_view):
    a, b = np.random.default_rng(0).normal(size=(2, 6, 5))
    across = np.array([[cosine(x, y) for y in b] for x in a]) / 0.3
    within = np.array([[cosine(x, y) for y in a] for x in a]) / 0.3
    got = one_direction(torch.tensor(across), torch.tensor(within) if same_view else None)
    assert got.item() == pytest.approx(term(a, b, 0.3, same_view), rel=1e-9)
    assert got.item() != pytest.approx(term(b, a, 0.3, same_view), rel=1e-3)


@pytest.mark.parametrize("tau", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("same_view", [False, True])
@pytest.mark.parametrize("views", [2, 3, 4])
def test_equation_5_2_pairwise_nt_xent(views, same_view, tau):
    z = np.random.default_rng(views).normal(size=(views, 7, 5)) * 3 + 0.5
    got = pairwise_nt_xent([torch.tensor(x) for x in z], tau, same_view)
    assert got.item() == pytest.approx(by_hand(z, tau, same_view), rel=1e-9)


def test_equation_5_3_layer_average():
    torch.manual_seed(0)
    encoder = FramesEncoder(layers=4, dim=6)
    torch.nn.init.normal_(encoder.layer_weights)
    frames = np.random.default_rng(0).normal(size=(2, 3, 4, 6)).astype("f4")
    w = np.exp(encoder.layer_weights.detach().numpy())
    expected = sum(w[layer] * frames[:, :, layer] for layer in range(4)) / w.sum()
    got = encoder.average(torch.tensor(frames)).detach()
    np.testing.assert_allclose(got, expected, atol=1e-6)
    weights = {n: p.detach().numpy() for n, p in encoder.named_parameters()}
    hidden = expected[0]
    for layer in (0, 3):
        hidden = hidden @ weights[f"maps.{layer}.weight"].T + weights[f"maps.{layer}.bias"]
        hidden = np.maximum(hidden, 0)
    out = encoder.eval()(torch.tensor(frames), torch.tensor([3, 3]))[0].detach()
    np.testing.assert_allclose(out, hidden.mean(0), atol=1e-5)
