"""Every equation of chapter 8 against the formula written out by hand in NumPy."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import digamma

from serlib.papers import saliency, saliency_noise, saliency_select, tcgru, tcgru_data


@pytest.fixture
def data():
    """Forty utterances, six dimensions, of which some follow two targets and each other."""
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(40, 2))
    mixing = np.array([[1, 0, 0.5, 0, 0, 1], [0, 1, 0.5, 0, 0, 1]])
    features = targets @ mixing + rng.normal(size=(40, 6))
    return features * [1, 10, 1, 0.1, 1, 1] + 5, targets


def rho(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def test_equation_8_1_ccs(data):
    u, y = data
    expected = [np.mean([abs(rho(u[:, d], y[:, k])) for k in range(2)]) for d in range(6)]
    np.testing.assert_allclose(saliency.ccs(u, y), expected, atol=1e-12)


def test_equation_8_2_redundancy(data):
    u, y = data
    expected = np.zeros(6)
    for d in range(6):
        for k in range(2):
            own = abs(rho(u[:, d], y[:, k]))
            others = [abs(rho(u[:, d], u[:, j])) * abs(rho(u[:, j], y[:, k])) for j in range(6)]
            expected[d] += (own + (sum(others) - others[d]) / 5) / 2
    np.testing.assert_allclose(saliency.ccs(u, y, redundancy=True), expected, atol=1e-12)


def information(x, y, k):
    """Kraskov's first estimate, every distance computed."""
    n = len(x)
    dx, dy = np.abs(x[:, None] - x), np.abs(y[:, None] - y)
    np.fill_diagonal(dx, np.inf), np.fill_diagonal(dy, np.inf)
    radius = np.sort(np.maximum(dx, dy), 1)[:, k - 1]
    near_x, near_y = (dx < radius[:, None]).sum(1), (dy < radius[:, None]).sum(1)
    value = digamma(n) + digamma(k) - np.mean(digamma(near_x + 1) + digamma(near_y + 1))
    return max(0, value)


def test_equation_8_3_mutual_information(data):
    u, y = data
    u, y = u / u.std(0), y / y.std(0)
    expected = [np.mean([information(u[:, d], y[:, k], 3) for k in range(2)]) for d in range(6)]
    got = saliency.mis(u, y)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert np.ptp(got) > 0.1


def test_equation_8_4_overlap():
    chosen = [[0, 1, 2, 3], [2, 3, 4, 5], [3, 9, 8, 7]]
    np.testing.assert_allclose(saliency_select.overlap(chosen), [0.5, 0.25, 0.25])
    rng = np.random.default_rng(0)
    random = [rng.permutation(50)[:20] for _ in range(60)]
    assert saliency_select.overlap(random).mean() == pytest.approx(20 / 50, abs=0.01)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_equation_8_5_tcgru():
    torch.manual_seed(0)
    model = tcgru.TCGRU(5, targets=2, filters=4, hidden=3).eval()
    frames = np.random.default_rng(1).normal(size=(7, 5)).astype("f4")
    w = {name: value.detach().numpy() for name, value in model.named_parameters()}
    padded = np.concatenate([np.zeros((1, 5)), frames, np.zeros((1, 5))])
    kernel = w["convolution.weight"]  # (filters, dims, 3)
    seen = [sum(kernel[:, :, i] @ padded[t + i] for i in range(3)) for t in range(7)]
    seen = np.maximum(np.array(seen) + w["convolution.bias"], 0)
    state, states = np.zeros(3), []
    for x in seen:
        a = w["recurrent.weight_ih_l0"] @ x + w["recurrent.bias_ih_l0"]
        b = w["recurrent.weight_hh_l0"] @ state + w["recurrent.bias_hh_l0"]
        reset, update = sigmoid(a[:3] + b[:3]), sigmoid(a[3:6] + b[3:6])
        state = (1 - update) * np.tanh(a[6:] + reset * b[6:]) + update * state
        states.append(state)
    expected = w["out.weight"] @ np.mean(states, axis=0) + w["out.bias"]
    got = model(torch.tensor(frames)[None], torch.tensor([7]))[0].detach()
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize(("m", "filters", "hidden", "kernel"), [(1024, 128, 128, 3), (10, 7, 5, 5)])
def test_equation_8_6_size(m, filters, hidden, kernel):
    frames, outputs = 50, 6
    per_frame = kernel * m * filters + 3 * hidden * (filters + hidden)
    biases = filters + 6 * hidden
    got = tcgru.cost(m, frames, filters=filters, hidden=hidden, kernel=kernel)
    assert got["parameters"] == per_frame + biases + (hidden + 1) * outputs
    assert got["macs"] == frames * per_frame + hidden * outputs


def test_equation_8_7_concordance():
    x, y = np.random.default_rng(2).normal(size=(2, 30, 3)) * [[[1, 2, 3]], [[3, 1, 1]]] + 1
    y[4, 0] = np.nan  # one value is left out, in its column alone
    expected = []
    for a, b in zip(x.T, y.T, strict=True):
        a, b = a[~np.isnan(b)], b[~np.isnan(b)]
        bottom = a.std() ** 2 + b.std() ** 2 + (a.mean() - b.mean()) ** 2
        expected.append(2 * rho(a, b) * a.std() * b.std() / bottom)
    got = tcgru.concordance(torch.tensor(x), torch.tensor(y))
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_equation_8_8_variance_of_raters():
    given = [[3, 3, 4], [1, 5], [2, 2, 2, 2], [4]]
    by_hand = [sum((g - sum(r) / len(r)) ** 2 for g in r) / len(r) for r in given]
    table = pd.DataFrame({"activation_var": by_hand, "raters": [len(r) for r in given]})
    got = tcgru_data.variances(table, [0, 1, 2, 3], [0, 2], ["activation"])[:, 0]
    np.testing.assert_allclose(got, [1, 4 / (2 / 9), 0, np.nan], rtol=1e-6)


def test_equation_8_9_total_loss():
    grades, variances = torch.tensor([0.3, 0.6, 0.9]), torch.tensor([1.0, 0.8, 0.3])
    for weight in (0.0, 0.5, 1.0):
        expected = (0.3 + 0.6 + 0.9) / 3 + weight * (1.0 + 0.8 + 0.3) / 3
        got = tcgru.total_loss(grades, variances, weight)
        assert got.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("snr", [20.0, 0.0, -5.0])
def test_equation_8_10_noise(snr):
    clip = np.sin(np.arange(16000) / 7).astype("f4") * np.linspace(0, 1, 16000, dtype="f4")
    added = saliency_noise.add_noise(clip, snr, seed=3).astype(float) - clip
    ratio = 10 * np.log10((clip.astype(float) ** 2).sum() / (added**2).sum())
    assert ratio == pytest.approx(snr, abs=1e-3)
    power = np.abs(np.fft.rfft(added)) ** 2
    octaves = [power[2**i : 2 ** (i + 1)].sum() for i in range(6, 12)]
    assert max(octaves) / min(octaves) < 2, "pink noise has equal power in every octave"


def test_equation_8_11_room():
    response = saliency_noise.room(0.5, seed=1)
    noise = np.random.default_rng(1).normal(size=round(0.6 * 16000) - 1)
    time = np.arange(1, len(noise) + 1) / 16000
    tail = noise * 10 ** (-3 * time / 0.5)
    tail /= np.sqrt((tail**2).sum())
    np.testing.assert_allclose(response, np.r_[1, tail] / np.sqrt(2), atol=1e-12)
    late, early = (np.mean(response[i : i + 800] ** 2) for i in (4800, 800))
    assert 10 * np.log10(early / late) == pytest.approx(60 * 4000 / 8000, abs=1.5)
