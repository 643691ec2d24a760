"""Each equation of chapter 7, against the formula written out by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from serlib.papers import cltnet
from serlib.papers.pdds import smoothed_counts
from serlib.papers.pdds_mixup import mix

RNG = np.random.default_rng(7)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_equation_7_1_smooths_each_pairs_two_ambiguous_bins(sigma, normalize):
    emotions = ["a", "b", "c"]
    clear = pd.Series(RNG.integers(0, 300, 3), emotions)
    ambiguous = pd.DataFrame(RNG.integers(0, 300, (3, 3)), emotions, emotions)
    targets = smoothed_counts(clear, ambiguous, sigma, normalize)
    for i in emotions:
        for j in emotions:
            if i == j:
                assert targets.loc[i, j] == 0
                continue
            n = [clear[i], ambiguous.loc[i, j], ambiguous.loc[j, i], clear[j]]
            w = [np.exp(-(d**2) / (2 * sigma**2)) for d in (-1, 0, 1)]
            value = sum(w[d + 1] * n[1 + d] for d in (-1, 0, 1)) / (sum(w) if normalize else 1)
            assert abs(targets.loc[i, j] - value) <= 0.5


def test_equation_7_2_mixes_and_pads_the_shorter():
    first, second = RNG.normal(size=(3, 2)), RNG.normal(size=(5, 2))
    by_hand = np.zeros((5, 2))
    for t in range(5):
        for d in range(2):
            by_hand[t, d] = 0.8 * (first[t, d] if t < 3 else 0) + 0.2 * second[t, d]
    np.testing.assert_allclose(mix(first, second, 0.8), by_hand)
    np.testing.assert_allclose(mix(first[0], second[0], 0.5), (first[0] + second[0]) / 2)


def test_equation_7_3_pools_three_convolutions_and_an_lstm():
    torch.manual_seed(0)
    encoder = cltnet.AudioEncoder(3, width=4).eval()
    frames = torch.randn(2, 6, 3)
    padded = np.pad(frames.numpy(), ((0, 0), (2, 2), (0, 0)))
    parts = [encoder.lstm(frames)[0].amax(1).detach().numpy()]
    for convolution in encoder.convolutions:
        weight, bias = convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
        k = weight.shape[2]
        found = [
            np.einsum("btd,odt->bo", padded[:, t : t + k], weight) + bias
            for t in range(padded.shape[1] - k + 1)
        ]
        parts.append(np.maximum(found, 0).max(0))
    out = np.concatenate(parts, 1) @ encoder.out.weight.detach().numpy().T
    expected = out + encoder.out.bias.detach().numpy()
    got = encoder(frames, torch.tensor([6, 6])).detach().numpy()
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_equation_7_4_weighs_places_by_a_softmax():
    pool = cltnet.AttentionPooling(3)
    z = torch.randn(1, 4, 3)
    w, b = pool.score.weight.detach().numpy()[0], pool.score.bias.item()
    scores = np.exp([z[0, t].numpy() @ w + b for t in range(4)])
    by_hand = sum(s * z[0, t].numpy() for t, s in enumerate(scores / scores.sum()))
    np.testing.assert_allclose(
        pool(z, torch.tensor([4]))[0].detach().numpy(), by_hand, rtol=1e-4, atol=1e-6
    )


def test_equation_7_5_goes_around_the_hidden_layer():
    fusion = cltnet.Fusion(5, 3)
    parts = torch.randn(2, 5)
    p = {name: value.detach().numpy() for name, value in fusion.named_parameters()}
    h = parts.numpy() @ p["reduce.weight"].T + p["reduce.bias"]
    inner = h + np.maximum(h @ p["hidden.weight"].T + p["hidden.bias"], 0)
    by_hand = inner @ p["classify.weight"].T + p["classify.bias"]
    np.testing.assert_allclose(fusion(parts).detach().numpy(), by_hand, atol=1e-5)


def test_equation_7_6_is_the_divergence_from_the_raters():
    logits, target = RNG.normal(size=(4, 3)), RNG.dirichlet(np.ones(3), 4)
    target[0] = [1, 0, 0]
    predicted = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    by_hand = np.mean(
        [
            sum(y * np.log(y / q) for y, q in zip(ys, qs, strict=True) if y > 0)
            for ys, qs in zip(target, predicted, strict=True)
        ]
    )
    got = cltnet.distribution_loss(torch.tensor(logits), torch.tensor(target))
    assert got.item() == pytest.approx(by_hand)
