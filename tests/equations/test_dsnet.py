"""Every equation of chapter 4 against the formula written out by hand in NumPy."""

import numpy as np
import pytest
import torch

from serlib.papers import dsnet


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def weight(layer):
    """A layer's (outputs, inputs) matrix and its bias."""
    return layer.weight.detach().numpy().squeeze(-1) if layer.weight.ndim == 3 else (
        layer.weight.detach().numpy()
    ), layer.bias.detach().numpy()


def linear(layer, x):
    w, b = weight(layer)
    return x @ w.T + b


def test_equation_4_1_deltas():
    x = np.random.default_rng(1).normal(size=(2, 9, 4)).astype("f4")

    def delta(x):
        padded = np.concatenate([x[:, :1]] * 2 + [x] + [x[:, -1:]] * 2, 1)
        return sum(n * (padded[:, 2 + n : 11 + n] - padded[:, 2 - n : 11 - n]) for n in (1, 2)) / (
            2 * (1**2 + 2**2)
        )

    expected = np.stack([x, delta(x), delta(delta(x))], 1)
    np.testing.assert_allclose(dsnet.stack_deltas(torch.tensor(x)), expected, atol=1e-5)


def test_equation_4_2_attention_pooling():
    pool = dsnet.AttentionPooling(6, 5).eval()
    pool.attention.weight.data *= 40  # so that the clamp at ±10 matters
    x = np.random.default_rng(2).normal(size=(3, 6, 7)).astype("f4")
    frames = x.transpose(0, 2, 1)
    scores = linear(pool.attention, frames)
    assert (np.abs(scores) > 10).any()
    weights = softmax(scores.clip(-10, 10), axis=1)
    expected = (weights * sigmoid(linear(pool.content, frames))).sum(1)
    np.testing.assert_allclose(pool(torch.tensor(x)).detach(), expected, atol=1e-5)


def test_equation_4_3_att_trans():
    layer = dsnet.AttTrans(8, 5)
    x = np.random.default_rng(3).normal(size=(4, 8)).astype("f4")
    gate = sigmoid(linear(layer.excite, np.maximum(linear(layer.squeeze, x), 0)))
    expected = np.maximum(linear(layer.out, gate * x + x), 0)
    assert layer.squeeze.out_features == 4
    np.testing.assert_allclose(layer(torch.tensor(x)).detach(), expected, atol=1e-5)


def test_equation_4_4_orthogonality():
    rng = np.random.default_rng(4)
    z_ei, z_er = rng.normal(size=(2, 6, 5)).astype("f4")

    def unit(z):
        z = z - z.mean(0)
        return z / (np.sqrt((z**2).sum(1, keepdims=True)) + 1e-6)

    expected = ((unit(z_ei).T @ unit(z_er)) ** 2).mean()
    got = dsnet.orthogonality_loss(torch.tensor(z_ei), torch.tensor(z_er))
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_equation_4_4_takes_the_length_as_a_constant():
    z = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    other = torch.randn(6, 5, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(dsnet.orthogonality_loss(z, other), z)
    centred = z.detach() - z.detach().mean(0)
    length = centred.norm(dim=1, keepdim=True) + 1e-6
    o = other - other.mean(0)
    o = o / (o.norm(dim=1, keepdim=True) + 1e-6)
    by_hand = (o @ ((centred / length).T @ o).T) * 2 / 25 / length
    by_hand = by_hand - by_hand.mean(0)  # the batch mean, too, moves with z
    torch.testing.assert_close(gradient, by_hand)


def test_equation_4_5_restoration():
    h, restored = np.random.default_rng(5).normal(size=(2, 6, 5)).astype("f4")
    got = dsnet.restoration_loss(torch.tensor(h), torch.tensor(restored))
    assert got.item() == pytest.approx(((h - restored) ** 2).mean(), rel=1e-5)


def kl(p, q):
    return (p * np.log(p / q)).sum(1).mean()


@pytest.mark.parametrize("divergence", ["jsd", "kl"])
def test_equation_4_6_calibration(divergence):
    z_ei, h_n = np.random.default_rng(6).normal(size=(2, 6, 5))
    p, q = softmax(z_ei, 1), softmax(h_n, 1)
    m = (p + q) / 2
    expected = {"kl": kl(p, q), "jsd": (kl(p, m) + kl(q, m)) / 2}[divergence]
    got = dsnet.calibration_loss(torch.tensor(z_ei), torch.tensor(h_n), divergence)
    assert got.item() == pytest.approx(expected, rel=1e-6)


def test_equation_4_6_reaches_the_reference():
    h_n = torch.randn(6, 5, requires_grad=True)
    dsnet.calibration_loss(torch.randn(6, 5), h_n).backward()
    assert h_n.grad.abs().sum() > 0


def test_equation_4_6_refuses_an_unknown_divergence():
    with pytest.raises(ValueError, match="'jsd' or 'kl'"):
        dsnet.calibration_loss(torch.zeros(2, 3), torch.zeros(2, 3), "l2")


def test_equation_4_7_total():
    parts = torch.tensor([0.5, 2.0, 3.0, 5.0])
    got = dsnet.total_loss(*parts, alpha=0.1, beta=10.0, gamma=0.0)
    assert got.item() == pytest.approx(0.5 + 0.1 * 2 + 10 * 3)
    assert dsnet.total_loss(*parts).item() == pytest.approx(10.5)
