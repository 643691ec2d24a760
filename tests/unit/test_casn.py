"""CASN: what learns from which loss, in both modes; triplets; read-outs; the neutral bias."""

import numpy as np
import pandas as pd
import pytest
import torch

from serlib.errors import ProtocolError
from serlib.papers import casn_calibration, casn_readout, casn_score
from serlib.papers.casn import CASN, balanced_cross_entropy
from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_episodes import Episodic, few_shot, split_episode
from serlib.papers.casn_released import ReleasedCASN, ReleasedClassifier
from serlib.papers.casn_released_data import RESAMPLED, flatten, resample
from serlib.papers.casn_triplets import MINERS, Triplets, balanced_subset, uniform_triplets

LABELS = ("neutral", "anger", "happiness")
SMALL = {"dim": 16, "layers": 1, "heads": 4, "window": 16}


@pytest.fixture
def data():
    """Thirty dialogues of 1 to 12 turns; the first entry of a vector tells the emotion."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 13, 30)
    rows = [(f"d{d}", t) for d, n in enumerate(lengths) for t in range(n)]
    table = pd.DataFrame(rows, columns=["dialogue", "turn"])
    table.index = [f"{d}-{t}" for d, t in rows]
    table["speaker"], codes = pd.NA, rng.choice(3, len(table), p=[0.6, 0.2, 0.2])
    table["emotion"] = np.array(LABELS)[codes]
    vectors = rng.normal(size=(len(table), 16)).astype("f4")
    vectors[:, :3] += 3 * np.eye(3)[codes]
    return dict(zip(table.index, vectors, strict=True)), table, table.index


@pytest.fixture
def batch(data):
    dialogues = Dialogues(*data, LABELS, window=16)
    return dialogues.collate(list(range(len(dialogues))))


def model(**options):
    torch.manual_seed(0)
    return CASN(LABELS, 16, **(SMALL | options))


def gradients(module):
    return {n for n, p in module.named_parameters() if p.grad is not None and p.grad.any()}


def test_shapes(batch):
    module = model().eval()
    turns = batch["dialogue"]
    assert module(turns).shape == (len(batch["emotion"]), 3)
    assert module.embed(turns)["z"].shape == (len(batch["emotion"]), 16)
    assert module.encoder(turns).shape == (*turns.present.shape, 16)


def test_padding_changes_nothing(data):
    """A dialogue gives the same vectors alone and beside a longer one."""
    dialogues, module = Dialogues(*data, LABELS, window=16), model().eval()
    alone = module.vectors(dialogues.collate([3])["dialogue"])
    beside = module.vectors(dialogues.collate([3, len(dialogues) - 1])["dialogue"])
    torch.testing.assert_close(beside[: len(alone)], alone)


def test_context_and_order_matter(data):
    features, table, ids = data
    module = model().eval()
    module.encoder.position.weight.data *= 50  # at the start, positions are faint
    own = [u for u in ids if u.startswith("d1-")]
    assert len(own) > 2

    def last(features):
        dialogues = Dialogues(features, table.loc[own], own, LABELS, window=16)
        return module.vectors(dialogues.collate([0])["dialogue"])[-1]

    swapped = features | {own[0]: features[own[1]], own[1]: features[own[0]]}
    changed = features | {own[0]: -features[own[0]]}
    assert not torch.allclose(last(features), last(changed), atol=1e-3)
    assert not torch.allclose(last(features), last(swapped), atol=1e-3)


def test_step_two_as_described_trains_the_context_encoder(batch):
    module = model(cross_entropy=0.0, triplet=1.0)
    losses = module.losses(batch)
    losses["loss"].backward()
    reached = gradients(module)
    assert set(losses) == {"triplet", "loss"}
    assert {n for n in reached if n.startswith("encoder.layers")}
    assert "encoder.position.weight" in reached
    assert not {n for n in reached if n.startswith("classifier")}


def released(data, detach):
    torch.manual_seed(0)
    classifier = ReleasedClassifier(LABELS, 16)
    x, emotion, _ = flatten(*data, LABELS, seed=0)
    return ReleasedCASN(16, classifier, detach=detach), x, emotion


def test_step_two_as_released_trains_no_context_encoder(data):
    """No gradient, from neither loss; and a step of both optimisers leaves it as it was."""
    module, x, emotion = released(data, detach=True)
    before = {n: p.clone() for n, p in module.named_parameters()}
    sgd = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    adamw = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.01)
    losses = module.losses(x, emotion)
    losses["cross_entropy"].backward()
    sgd.step()
    assert not losses["triplet"].requires_grad and losses["triplet"] > 0
    adamw.zero_grad()
    losses["triplet"].requires_grad_()  # as released; without it backward() would be an error
    losses["triplet"].backward()
    adamw.step()
    moved = {n for n, p in module.named_parameters() if not torch.equal(p, before[n])}
    assert moved and all(n.startswith("classifier.") for n in moved)


def test_without_the_copy_both_losses_reach_it(data):
    module, x, emotion = released(data, detach=False)
    for name in ("cross_entropy", "triplet"):
        module.zero_grad()
        module.losses(x, emotion)[name].backward()
        assert any(n.startswith("context.") for n in gradients(module)), name


def test_as_released_a_dialogue_sees_the_others_in_its_batch(data):
    module, x, emotion = released(data, detach=True)
    module.eval()
    together, alone = module.encode(x), module.encode(x[:1])
    assert not torch.allclose(together[0], alone[0], atol=1e-4)
    vectors = module.vectors(x, emotion)
    assert vectors.shape == (int((emotion >= 0).sum()), 16)
    np.testing.assert_allclose(
        vectors[: (emotion[0] >= 0).sum()], alone[0][emotion[0] >= 0], atol=1e-5
    )


def test_released_resampling_counts():
    emotion = np.random.default_rng(0).choice(list(RESAMPLED), 3000)
    rows = resample(emotion, seed=0)
    assert dict(pd.Series(emotion[rows]).value_counts()) == RESAMPLED


def test_the_released_classifier_takes_the_softmax_twice():
    torch.manual_seed(0)
    module = ReleasedClassifier(LABELS, 16).eval()
    batch = {"vectors": torch.randn(6, 16), "emotion": torch.tensor([0, 0, 0, 1, 2, 1])}
    p = module(batch["vectors"])
    torch.testing.assert_close(p.sum(1), torch.ones(6))
    expected = balanced_cross_entropy(p, batch["emotion"])
    torch.testing.assert_close(module.losses(batch)["loss"], expected)


@pytest.mark.parametrize("miner", MINERS)
def test_triplets_pull_classes_apart(miner):
    torch.manual_seed(0)
    emotion = torch.arange(3).repeat_interleave(20)
    z = torch.randn(60, 4, requires_grad=True)
    triplets = Triplets(miner=miner, normalise=True, margin=0.5)
    optimizer = torch.optim.Adam([z], lr=0.05)
    same = emotion[:, None] == emotion

    def ratio():
        apart = torch.cdist(*(2 * [torch.nn.functional.normalize(z.detach())]))
        return (apart[same].mean() / apart[~same].mean()).item()

    before = ratio()
    for _ in range(200):
        optimizer.zero_grad()
        triplets(z, emotion).backward()
        optimizer.step()
    assert ratio() < 0.7 * before


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_miners_take_the_triplets_they_name(distance):
    torch.manual_seed(1)
    z, emotion = torch.randn(30, 5), torch.randint(3, (30,))
    unit = torch.nn.functional.normalize(z)
    d = torch.cdist(z, z) if distance == "euclidean" else 1 - unit @ unit.T
    same = emotion[:, None] == emotion
    off = same & ~torch.eye(30, dtype=torch.bool)
    a, p, n = Triplets("batch-hard", distance).mine(z, emotion)
    assert len(a) == 30
    torch.testing.assert_close(d[a, p], d.where(off, torch.tensor(-9.0)).amax(1)[a])
    torch.testing.assert_close(d[a, n], d.where(~same, torch.tensor(9.0)).amin(1)[a])
    a, p, n = Triplets("semi-hard", distance, margin=0.3).mine(z, emotion)
    gap = d[a, n] - d[a, p]
    assert len(a) and (gap > 0).all() and (gap <= 0.3 + 1e-6).all()
    assert same[a, p].all() and not same[a, n].any() and (a != p).all()


def test_uniform_triplets_draw_classes_not_turns():
    torch.manual_seed(0)
    emotion = torch.tensor([0] * 96 + [1] * 3 + [2])
    a, p, n = uniform_triplets(emotion, 4000)
    assert (emotion[a] == emotion[p]).all() and (a != p).all() and (emotion[a] != emotion[n]).all()
    share = torch.bincount(emotion[a], minlength=3) / 4000
    torch.testing.assert_close(share, torch.tensor([0.5, 0.5, 0.0]), atol=0.03, rtol=0)
    assert (emotion[n] == 2).float().mean() == pytest.approx(0.5, abs=0.03)


def test_a_batch_without_triplets_costs_nothing():
    z = torch.randn(5, 4, requires_grad=True)
    for emotion in (torch.zeros(5, dtype=torch.long), torch.arange(5)):
        loss = Triplets()(z, emotion)
        loss.backward()
        assert loss.item() == 0


def test_a_balanced_subset():
    torch.manual_seed(0)
    emotion = torch.tensor([0] * 50 + [1] * 5 + [2] * 20)
    rows = balanced_subset(emotion, 8)
    assert torch.bincount(emotion[rows]).tolist() == [8, 5, 8] and len(set(rows.tolist())) == 21
    drawn = torch.cat([balanced_subset(emotion, 8) for _ in range(200)])
    assert len(set(drawn.tolist())) == 75, "every turn has its chance"


def test_unknown_names_are_refused(data):
    for name in ("miner", "distance", "reducer"):
        with pytest.raises(ProtocolError, match=f"{name} 'odd': unknown; use one of"):
            Triplets(**{name: "odd"})
    with pytest.raises(ProtocolError, match="neutral='none'"):
        model(neutral="none")
    with pytest.raises(ProtocolError, match="kind 'matching'"):
        Episodic(LABELS, 16, kind="matching", **SMALL)


def test_the_best_bias_is_the_best_of_all():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        truth = rng.choice(4, 60, p=[0.7, 0.1, 0.1, 0.1])
        logits = rng.integers(-6, 7, (60, 4)) / 4  # many a margin occurs twice
        logits[np.arange(60), truth] += 1
        bias, value = casn_calibration.best_bias(truth, logits, 0)

        def micro(b, logits=logits, truth=truth):
            predicted = casn_calibration.biased(logits, 0, b).argmax(1)
            return f1_score(truth, predicted, labels=[1, 2, 3], average="micro", zero_division=0)

        assert micro(bias) == pytest.approx(value)
        assert value >= max(micro(b) for b in np.arange(-4, 4, 0.05)) - 1e-9


def test_a_turn_with_weight_three_counts_as_three():
    rng = np.random.default_rng(1)
    for _ in range(10):
        truth, logits = rng.choice(3, 50, p=[0.6, 0.2, 0.2]), rng.normal(size=(50, 3))
        weights = rng.integers(1, 4, 50)
        thrice = (np.repeat(x, weights, axis=0) for x in (truth, logits))
        expected = casn_calibration.best_bias(*thrice, 0)
        assert casn_calibration.best_bias(truth, logits, 0, weights) == pytest.approx(expected)


def test_more_emotions_expected_move_the_border_towards_them():
    rng = np.random.default_rng(2)
    truth = rng.choice(3, 4000, p=[0.9, 0.05, 0.05])
    logits = rng.normal(size=(4000, 3))
    logits[np.arange(4000), truth] += 1.5
    biases = []
    for share in (0.05, 0.1, 0.2, 0.4):
        weights = casn_calibration.share_weights(truth, share, 0)
        read = casn_score.calibrated({"dev": logits, "test": logits}, truth, 0, weights)
        biases.append(read.bias)
    assert biases == sorted(biases, reverse=True) and biases[0] > biases[-1] + 1


@pytest.mark.parametrize(("truth", "share"), [([0, 1], 1.0), ([0, 0], 0.2), ([1, 1], 0.2)])
def test_no_weight_makes_up_for_turns_that_are_not_there(truth, share):
    with pytest.raises(ProtocolError, match="between 0 and 1"):
        casn_calibration.share_weights(np.array(truth), share, 0)


def test_prototypes_need_every_class():
    with pytest.raises(ProtocolError, match="class 1: no example"):
        casn_readout.prototypes(np.ones((3, 2)), np.array([0, 0, 2]), 3)


def test_neighbours_are_counted():
    train, emotion = np.array([[0.0], [0.1], [0.2], [5.0]]), np.array([0, 2, 2, 2])
    scores = casn_readout.knn_scores(train, emotion, np.array([[0.05], [6.0]]), 4, k=3)
    np.testing.assert_allclose(scores, [[1 / 3, 0, 2 / 3, 0], [0, 0, 1, 0]])


def test_episodes():
    torch.manual_seed(0)
    emotion = torch.tensor([0] * 30 + [1] * 3 + [2])
    classes, support, query = split_episode(emotion, 4)
    assert classes.tolist() == [0, 1] and not set(support.tolist()) & set(query.tolist())
    assert torch.bincount(emotion[support]).tolist() == [4, 1]
    assert torch.bincount(emotion[query]).tolist() == [4, 2]


@pytest.mark.parametrize("kind", ["prototypical", "relation"])
def test_episodic_relatives_train_the_context_encoder(batch, kind):
    torch.manual_seed(0)
    module = Episodic(LABELS, 16, kind=kind, **SMALL)
    loss = module.losses(batch)["loss"]
    loss.backward()
    reached = gradients(module)
    assert any(n.startswith("encoder.layers") for n in reached)
    assert any(n.startswith("relation") for n in reached) == (kind == "relation")
    assert module(batch["dialogue"]).shape == (len(batch["emotion"]), 3)


def test_few_shot_reads_new_labels():
    rng = np.random.default_rng(0)
    emotion = np.repeat(np.arange(4), 30)
    z = np.eye(4)[emotion] * 4 + rng.normal(size=(120, 4))
    scores = few_shot(z[::2], emotion[::2], z[1::2], 4, shots=5, seed=0)
    assert (scores.argmax(1) == emotion[1::2]).mean() > 0.9
    with pytest.raises(ProtocolError, match="class 0 has 15 examples, not 16"):
        few_shot(z[::2], emotion[::2], z[1::2], 4, shots=16, seed=0)
