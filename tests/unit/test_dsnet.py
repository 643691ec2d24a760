"""DSNet as a whole: its shapes, which part learns from which loss, its size, its references."""

import numpy as np
import pandas as pd
import pytest
import torch

from serlib.errors import ProtocolError
from serlib.papers import dsnet
from serlib.papers.dsnet_data import Clips, neutral_references, tile

LABELS = ("anger", "happiness", "neutral", "sadness")


@pytest.fixture
def data():
    """Three speakers, each with six clips, three of them neutral; frames differ in length."""
    rng = np.random.default_rng(0)
    rows, features = [], {}
    for speaker in "abc":
        for i, emotion in enumerate(["neutral", "anger", "neutral", "sadness", "neutral", "anger"]):
            features[f"{speaker}{i}"] = rng.normal(size=(20 + 5 * i, 80)).astype("f4")
            rows.append((f"{speaker}{i}", speaker, emotion))
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "emotion"]).set_index("utterance")
    return features, table


@pytest.fixture
def batch(data):
    features, table = data
    references = neutral_references(features, table, table.index)
    clips = Clips(features, table, table.index, LABELS, frames=48, references=references)
    return clips.collate(list(range(12)))


def model(**options):
    torch.manual_seed(0)
    return dsnet.DSNet(LABELS, width=4, **options)


def test_shapes(batch):
    module = model().eval()
    assert module(batch["fbank"]).shape == (12, 4)
    assert {k: v.shape for k, v in module.embed(batch["fbank"]).items()} == dict.fromkeys(
        ("h", "z_er", "z_ei"), (12, 256)
    )


def test_600_frames_become_37():
    encoder = dsnet.Encoder(4)
    assert encoder.blocks(torch.zeros(1, 3, 600, 80)).shape == (1, 32, 37, 5)


@pytest.mark.parametrize("variant", dsnet.VARIANTS)
def test_every_variant_takes_a_step(batch, variant):
    options = {k: v for k, v in dsnet.VARIANTS[variant].items() if k != "reference"}
    module = model(**options)
    losses = module.losses(batch)
    losses["loss"].backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)
    assert set(losses) == (
        {"loss"}
        if variant == "base"
        else {"loss", "cross_entropy", "orthogonality", "restoration", "calibration"}
    )


def test_only_calibration_and_its_kin_teach_the_irrelevant_projector(batch):
    """Emotion is read from z_er alone: cross-entropy must not reach P_ei."""
    module = model()
    module.losses(batch)["cross_entropy"].backward()
    assert all(p.grad is None for p in module.irrelevant.parameters())
    assert all(p.grad is not None for p in module.relevant.parameters())


def test_a_weight_of_zero_leaves_its_loss_out(batch):
    module = model(alpha=0.0, beta=0.0, gamma=0.0).eval()
    losses = module.losses(batch)
    assert losses["loss"].item() == pytest.approx(losses["cross_entropy"].item())


def test_the_calibration_pairs_each_utterance_with_its_own_speaker(batch):
    """Swapping two speakers' references must move the loss."""
    module = model().eval()
    before = module.losses(batch)["calibration"].item()
    batch["reference"] = (batch["reference"] + 1) % len(batch["references"])
    assert module.losses(batch)["calibration"].item() != pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize(("width", "all_g"), [(32, 3.95), (64, 15.27)])
def test_cost_is_the_papers(width, all_g):
    counted = dsnet.cost(width)
    assert counted["macs_two_branches_all"] == pytest.approx(all_g * 1e9, rel=0.005)


def test_cost_counts():
    counted = dsnet.cost(32)
    assert counted["parameters"] == sum(p.numel() for p in dsnet.DSNet(LABELS).parameters())
    assert (counted["parameters"], counted["parameters_inference"]) == (1_771_589, 1_426_053)
    assert counted["macs_one_branch"] == pytest.approx(1.96e9, rel=0.005)
    assert counted["macs_two_branches"] == pytest.approx(3.93e9, rel=0.005)


def test_tile():
    frames = np.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(tile(frames, 7)[:, 0], [0, 2, 4, 0, 2, 4, 0])
    np.testing.assert_array_equal(tile(frames, 2), frames[:2])


@pytest.mark.parametrize("rule", ["random", "first", "longest", "central", "opposite"])
def test_references_are_the_same_speakers_neutral_training_clips(data, rule):
    features, table = data
    train = [u for u in table.index if u not in ("a0", "b2")]
    chosen = neutral_references(features, table, train, rule, count=2, seed=3)
    for speaker, clips in chosen.items():
        assert len(clips) == 2 and set(clips) <= set(train)
        assert (table.loc[clips, "speaker"] == speaker).all()
        assert (table.loc[clips, "emotion"] == "neutral").all()


def test_rules_choose_what_they_say(data):
    features, table = data
    chosen = {
        rule: neutral_references(features, table, table.index, rule)["a"][0]
        for rule in ("first", "longest", "central", "opposite")
    }
    means = {u: features[u].mean(0) for u in ("a0", "a2", "a4")}
    centre = np.mean(list(means.values()), axis=0)
    far = {u: np.linalg.norm(m - centre) for u, m in means.items()}
    assert chosen == {
        "first": "a0",
        "longest": "a4",
        "central": min(far, key=far.get),
        "opposite": max(far, key=far.get),
    }
    other = neutral_references(features, table, table.index, "other")
    assert all(table.loc[clips, "speaker"].ne(s).all() for s, clips in other.items())


def test_a_fixed_reference_stays_and_a_seed_moves_it(data):
    features, table = data
    draw = [neutral_references(features, table, table.index, seed=s) for s in (0, 0, 1, 2, 3)]
    assert draw[0] == draw[1] and any(d != draw[0] for d in draw[2:])


def test_a_speaker_without_neutral_speech_is_named(data):
    features, table = data
    table.loc[["b0", "b2", "b4"], "emotion"] = "anger"
    with pytest.raises(ProtocolError, match="speakers b: no neutral utterance"):
        neutral_references(features, table, table.index)
    with pytest.raises(ProtocolError, match="'loudest': unknown; use one of random"):
        neutral_references(features, table, table.index, "loudest")


def test_in_half_precision_the_losses_of_the_vectors_are_still_exact(batch):
    module = model().eval()
    with torch.autocast("cpu", torch.bfloat16):
        losses, vectors = module.losses(batch), module.embed(batch["fbank"])
    assert losses["calibration"].item() > 0
    z_ei, z_er = vectors["z_ei"].float(), vectors["z_er"].float()
    exact = dsnet.orthogonality_loss(z_ei, z_er).item()
    assert losses["orthogonality"].item() == pytest.approx(exact, rel=1e-5)


def test_a_shared_reference_is_encoded_once(batch, data):
    features, table = data
    assert len(batch["references"]) == 2  # twelve items, two speakers
    first = batch["references"][batch["reference"][0]].numpy()
    chosen = neutral_references(features, table, table.index)["a"][0]
    np.testing.assert_array_equal(first, tile(features[chosen], 48))
