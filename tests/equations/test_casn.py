"""Every equation of chapter 6 against the formula written out by hand in NumPy."""

import numpy as np
import pytest
import torch

from serlib.papers import (
    casn,
    casn_calibration,
    casn_choice,
    casn_episodes,
    casn_readout,
    casn_released_data,
)
from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_triplets import Triplets
from serlib.papers.casn_turns import Turns


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def values(layer):
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def normed(layer, x):
    w, b = values(layer)
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w + b


def linear(layer, x):
    w, b = values(layer)
    return x @ w.T + b


def gelu(x):
    return x * (1 + np.vectorize(__import__("math").erf)(x / np.sqrt(2))) / 2


def attention(module, x, heads):
    size = x.shape[1]
    w, b = module.in_proj_weight.detach().numpy(), module.in_proj_bias.detach().numpy()
    q, k, v = np.split(x @ w.T + b, 3, axis=1)
    width, out = size // heads, []
    for i in range(heads):
        own = slice(i * width, (i + 1) * width)
        out.append(softmax(q[:, own] @ k[:, own].T / np.sqrt(width)) @ v[:, own])
    return linear(module.out_proj, np.concatenate(out, 1))


def test_equation_6_1_context():
    """A dialogue of three turns, padded to five, one layer, four heads."""
    rng = np.random.default_rng(1)
    encoder = casn.ContextEncoder(6, dim=8, layers=1, heads=4, window=7).eval()
    e, role = rng.normal(size=(3, 6)).astype("f4"), np.array([0, 1, 0])
    vectors, present = torch.zeros(1, 5, 6), torch.zeros(1, 5, dtype=torch.bool)
    vectors[0, :3], present[0, :3] = torch.tensor(e), True
    turns = Turns(vectors, present, present, torch.tensor([[0, 1, 0, 0, 0]]))

    x = linear(encoder.project[1], e * np.sqrt(6))
    x = (
        x
        + encoder.position.weight.detach().numpy()[:3]
        + encoder.role.weight.detach().numpy()[role]
    )
    layer = encoder.layers.layers[0]
    x = x + attention(layer.self_attn, normed(layer.norm1, x), 4)
    x = x + linear(layer.linear2, gelu(linear(layer.linear1, normed(layer.norm2, x))))
    expected = normed(encoder.layers.norm, x)
    np.testing.assert_allclose(encoder(turns)[0, :3].detach(), expected, atol=2e-5)


@pytest.mark.parametrize("balance", [1.0, 0.45, 0.0])
def test_equation_6_2_class_weights(balance):
    emotion = torch.tensor([0, 0, 0, 1, 2, 0, 1, 0])
    expected = (1 - np.array([5, 2, 1, 0]) / 8) ** balance
    np.testing.assert_allclose(casn.class_weights(emotion, 4, balance), expected, rtol=1e-6)


def test_equation_6_3_window_weights(dialogues):
    """Dialogue a: neutral, anger, neutral; b: neutral. n = 3 and 1."""
    data = Dialogues(*dialogues, labels=("neutral", "anger"))
    expected = np.array([1 / 3, (1 / 3 + 1 + 1 / 3) / 3])  # the shorter dialogue comes first
    np.testing.assert_allclose(data.window_weights(), expected / expected.sum())


@pytest.mark.parametrize("balance", [1.0, 0.45])
def test_equation_6_4_balanced_cross_entropy(balance):
    logits = np.random.default_rng(4).normal(size=(8, 3)).astype("f4")
    emotion = np.array([0, 0, 0, 1, 2, 0, 1, 0])
    weight = ((1 - np.array([5, 2, 1]) / 8) ** balance)[emotion]
    each = -np.log(softmax(logits)[np.arange(8), emotion])
    got = casn.balanced_cross_entropy(torch.tensor(logits), torch.tensor(emotion), balance)
    assert got.item() == pytest.approx((weight * each).sum() / weight.sum(), rel=1e-5)


def test_equation_6_4_of_one_class_is_the_plain_one():
    logits = torch.randn(4, 3)
    got = casn.balanced_cross_entropy(logits, torch.full((4,), 2))
    assert got.item() == pytest.approx(-logits.log_softmax(1)[:, 2].mean().item())


def unit(z):
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


DISTANCES = {
    ("euclidean", False): lambda a, b: np.linalg.norm(a - b, axis=-1),
    ("euclidean", True): lambda a, b: np.linalg.norm(unit(a) - unit(b), axis=-1),
    ("squared", False): lambda a, b: ((a - b) ** 2).sum(-1),
    ("cosine", False): lambda a, b: -(unit(a) * unit(b)).sum(-1),
}


@pytest.mark.parametrize("reducer", ["mean", "non-zero"])
@pytest.mark.parametrize(("distance", "normalise"), DISTANCES)
def test_equation_6_5_triplets(distance, normalise, reducer):
    rng = np.random.default_rng(5)
    z = rng.normal(size=(9, 4)).astype("f4")
    a, p, n = rng.integers(9, size=(3, 12))
    d = DISTANCES[distance, normalise]
    cost = np.maximum(0, d(z[a], z[p]) - d(z[a], z[n]) + 0.2)
    assert 0 < (cost > 0).sum() < len(a), "some triplets must cost and some not"
    expected = cost.mean() if reducer == "mean" else cost[cost > 0].mean()
    triplets = Triplets(distance=distance, normalise=normalise, reducer=reducer, margin=0.2)
    emotion = torch.zeros(9, dtype=torch.long)
    got = triplets.loss(torch.tensor(z), emotion, tuple(map(torch.tensor, (a, p, n))))
    assert got.item() == pytest.approx(expected, rel=1e-4)


def test_equation_6_6_total():
    parts = {"cross_entropy": torch.tensor(0.5), "triplet": torch.tensor(2.0)}
    assert casn.total_loss(parts, {"cross_entropy": 3.0, "triplet": 0.1}).item() == pytest.approx(
        1.7
    )


def test_equation_6_7_prototypes():
    rng = np.random.default_rng(7)
    z, emotion, new = rng.normal(size=(6, 3)), np.array([1, 0, 1, 2, 2, 0]), rng.normal(size=(4, 3))
    means = casn_readout.prototypes(z, emotion, 3)
    by_hand = np.stack([z[emotion == c].mean(0) for c in range(3)])
    np.testing.assert_allclose(means, by_hand)
    squared = np.array([[((x - m) ** 2).sum() for m in by_hand] for x in new])
    np.testing.assert_allclose(casn_readout.prototype_scores(new, means), -squared)


def test_equation_6_8_bias():
    logits = np.random.default_rng(8).normal(size=(5, 3))
    expected = softmax(logits + np.array([0, -0.7, 0]))
    np.testing.assert_allclose(casn_calibration.biased(logits, 1, -0.7), expected)


def test_equation_6_9_forced_choice():
    """The score from the triplets that were drawn, counted by hand."""
    rng = np.random.default_rng(9)
    embeddings, codes = rng.normal(size=(40, 5)), rng.permutation(np.repeat([0, 1, 2, 3], 10))
    names = np.array(["anger", "fear", "neutral", "sadness"])[codes]
    got = casn_choice.forced_choice(embeddings, names, 300, seed=3)
    truth, prediction = [], []
    for a, p, n in zip(
        *casn_choice.draw_triplets(codes, 300, np.random.default_rng(3)), strict=True
    ):
        near = np.sqrt(((embeddings[a] - embeddings[p]) ** 2).sum())
        far = np.sqrt(((embeddings[a] - embeddings[n]) ** 2).sum())
        truth.append(names[a]), prediction.append(names[a] if near <= far else names[n])
    truth, prediction = np.array(truth), np.array(prediction)
    f1, hits, sizes = [], 0, 0
    for emotion in ("anger", "fear", "sadness"):
        both = (truth == emotion).sum() + (prediction == emotion).sum()
        f1.append(2 * ((truth == emotion) & (prediction == emotion)).sum() / both)
        hits += ((truth == emotion) & (prediction == emotion)).sum()
        sizes += both
    assert got["macro_f1"] == pytest.approx(np.mean(f1))
    assert got["micro_f1"] == pytest.approx(2 * hits / sizes)
    one_hot = [(side[:, None] == np.unique(names)).astype(float) for side in (truth, prediction)]
    x, y = (side - side.mean(0) for side in one_hot)
    mcc = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())
    assert got["mcc"] == pytest.approx(mcc)


def test_equation_6_10_flattened_dialogues():
    """Two dialogues of 17 and 2 turns: fifteen are kept, thirteen filled."""
    import pandas as pd

    ids = [f"a{i:02d}" for i in range(17)] + ["b0", "b1"]
    table = pd.DataFrame(
        {
            "dialogue": ["a"] * 17 + ["b"] * 2,
            "turn": [*range(17), 0, 1],
            "emotion": ["anger", *["neutral"] * 17, "anger"],
        },
        index=ids,
    )
    features = dict(zip(ids, np.random.default_rng(10).normal(size=(19, 400)), strict=True))
    x, emotion, kept = casn_released_data.flatten(
        features, table, ids, ("neutral", "anger"), seed=0
    )
    assert x.shape == (2, 15 * 400) and kept == [*ids[:15], "b0", "b1"]
    by_hand = np.concatenate([features[u] for u in ids[:15]])
    np.testing.assert_allclose(x[0], by_hand, rtol=1e-6)
    np.testing.assert_allclose(
        x[1, :800], np.concatenate([features["b0"], features["b1"]]), rtol=1e-6
    )
    assert emotion.tolist() == [[1] + [0] * 14, [0, 1] + [-1] * 13]
    filler = x[1, 800:].numpy()
    assert filler.mean() == pytest.approx(2.19e-4, abs=4 * np.sqrt(2.6e-3 / filler.size))
    assert filler.var() == pytest.approx(2.6e-3, rel=0.1)


def test_equation_6_11_relation():
    relation = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    z, means = np.random.default_rng(11).normal(size=(2, 5, 3)).astype("f4")
    means = means[:2]
    expected = np.empty((5, 2))
    for q in range(5):
        for c in range(2):
            hidden = np.maximum(linear(relation[0], np.concatenate([means[c], z[q]])), 0)
            expected[q, c] = 1 / (1 + np.exp(-linear(relation[2], hidden)[0]))
    got = casn_episodes.relation_scores(torch.tensor(z), torch.tensor(means), relation)
    np.testing.assert_allclose(got.detach(), expected, rtol=1e-5)


@pytest.fixture
def dialogues():
    import pandas as pd

    table = pd.DataFrame(
        {
            "dialogue": ["a", "a", "a", "b"],
            "turn": [0, 1, 2, 0],
            "speaker": ["x", "y", "x", "x"],
            "emotion": ["neutral", "anger", "neutral", "neutral"],
        },
        index=["a0", "a1", "a2", "b0"],
    )
    return {u: np.ones(4, "f4") for u in table.index}, table, table.index


def test_equation_6_12_share_weights():
    y = np.array([0, 0, 0, 2, 0, 1, 0, 0])  # π̂ = 2 / 8
    expected = [0.4 / 0.25 if c else 0.6 / 0.75 for c in y]
    found = casn_calibration.share_weights(y, 0.4, 0)
    np.testing.assert_allclose(found, expected)
    assert found[y != 0].sum() / found.sum() == pytest.approx(0.4)
    assert found.mean() == pytest.approx(1)


def test_equation_6_13_ensemble():
    members = np.random.default_rng(13).normal(size=(3, 5, 4))
    expected = sum(softmax(o) for o in members) / 3
    np.testing.assert_allclose(np.exp(casn_calibration.ensemble(members)), expected)
