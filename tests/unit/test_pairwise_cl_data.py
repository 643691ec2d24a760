"""Views side by side, and parts: by id and never by position; nothing is dropped in silence."""

import numpy as np
import pandas as pd
import pytest
import torch

from serlib import protocols
from serlib.errors import ParameterError, ProtocolError
from serlib.papers.pairwise_cl import pairwise_nt_xent
from serlib.papers.pairwise_cl_data import Labelled, Views, padded, pretraining_part
from serlib.papers.pairwise_cl_views import Beginnings, prepared, self_supervised

LABELS = ("anger", "neutral")
IDS = [f"u{i}" for i in range(8)]


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    mel = {u: rng.normal(size=(5 + i, 16)).astype("f4") for i, u in enumerate(IDS)}
    functionals = {u: rng.normal(size=6).astype("f4") for u in IDS}
    return {"mel": mel, "functionals": functionals}


def loss(views):
    """Of the means over time: a projection that any view has."""
    batch = views.collate(views.utterances)["views"]
    return pairwise_nt_xent([x.sum(1)[:, :6] / n[:, None] for x, n in batch.values()])


def test_the_order_in_which_a_view_is_stored_changes_nothing(features):
    before = loss(Views(features, IDS))
    shuffled = dict(sorted(features["mel"].items(), key=lambda item: item[1][0, 0]))
    assert list(shuffled) != IDS
    assert torch.equal(loss(Views(features | {"mel": shuffled}, IDS)), before)


def test_what_a_view_lacks_is_named_and_left_out_of_all(features, capsys):
    del features["mel"]["u2"], features["functionals"]["u5"], features["functionals"]["u2"]
    views = Views(features, IDS)
    assert views.missing == {"u2": ["mel", "functionals"], "u5": ["functionals"]}
    assert views.utterances == ["u0", "u1", "u3", "u4", "u6", "u7"]
    said = capsys.readouterr().err
    assert "2 of 8" in said and "u2 (not in mel, functionals)" in said and said.count("\n") == 1
    batch = views.collate([views[2], views[3]])["views"]
    for view, (arrays, lengths) in batch.items():
        for row, utterance in enumerate(("u3", "u4")):
            expected = np.atleast_2d(features[view][utterance])
            np.testing.assert_array_equal(arrays[row, : lengths[row]], expected)


def test_nothing_in_common_is_an_error(features):
    with pytest.raises(ProtocolError, match="none of 3 utterances is in all views"):
        Views(features, ["a", "b", "c"])


def test_padding_and_half_precision():
    frames, lengths = padded([np.ones((2, 3, 4), "f2"), np.ones((5, 3, 4), "f2")])
    assert frames.shape == (2, 5, 3, 4) and frames.dtype == torch.float32
    assert lengths.tolist() == [2, 5] and frames[0, 2:].abs().sum() == 0
    vectors, lengths = padded([np.ones(3), np.ones(3)])
    assert vectors.shape == (2, 1, 3) and lengths.tolist() == [1, 1]


def test_few_labels_are_repeated_within_an_epoch(features):
    table = pd.DataFrame({"emotion": ["anger", "neutral"] * 4}, index=IDS)
    few = Labelled(features["mel"], table, IDS[:3], LABELS, least=8)
    assert [few[i] for i in range(len(few))] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert few.collate([few[1], few[5]])["emotion"].tolist() == [1, 0]
    assert len(Labelled(features["mel"], table, IDS, LABELS, least=2)) == 8


def test_what_is_prepared_is_cut_then_scored_by_the_training_part(features):
    train = ["u0", "u1", "u2", "nobody"]
    got = prepared(features["mel"], train, frames=4)
    kept = np.concatenate([features["mel"][u][:4] for u in train[:3]])
    expected = (features["mel"]["u7"][:4] - kept.mean(0)) / kept.std(0)
    np.testing.assert_allclose(got["u7"], expected, atol=1e-5)
    whole = prepared(features["functionals"], train)
    of_train = np.stack([whole[u] for u in train[:3]])
    np.testing.assert_allclose(of_train.mean(0), 0, atol=1e-6)
    assert list(Beginnings(features["functionals"], 4)["u0"]) == list(features["functionals"]["u0"])


@pytest.fixture
def people():
    """Six speakers, eight clips each, three emotions of which two are the task's."""
    rows = [
        {"utterance": f"{s}-{i}", "speaker": s, "emotion": ("anger", "neutral", "fear")[i % 3]}
        for s in "abcdef"
        for i in range(8)
    ]
    table = pd.DataFrame(rows).set_index("utterance")
    task = table[table["emotion"].isin(LABELS)]
    return table, protocols.grouped_k_fold(task, 3, 0, labels=LABELS)[0]


@pytest.mark.parametrize("emotions", ["target", "all", "other"])
def test_pre_training_sees_training_speakers_and_the_emotions_asked_for(people, emotions):
    table, fold = people
    train, dev = pretraining_part(table, fold, LABELS, emotions=emotions)
    speakers = {part: set(table.loc[list(ids), "speaker"]) for part, ids in fold.parts.items()}
    assert set(table.loc[train, "speaker"]) == speakers["train"]
    assert set(table.loc[dev, "speaker"]) == speakers["dev"]
    wanted = {"target": {*LABELS}, "all": {*LABELS, "fear"}, "other": {"fear"}}[emotions]
    assert set(table.loc[train, "emotion"]) == wanted == set(table.loc[dev, "emotion"])
    assert not set(fold.test) & {*train, *dev}


def test_only_the_transductive_variant_sees_test_speakers(people):
    table, fold = people
    train, _ = pretraining_part(table, fold, LABELS, emotions="target")
    leaking, _ = pretraining_part(table, fold, LABELS, emotions="target", transductive=True)
    assert set(leaking) - set(train) == set(fold.test)


def test_smaller_sizes_are_contained_in_larger_ones(people):
    table, fold = people
    small, middle = (pretraining_part(table, fold, LABELS, size=n, seed=3)[0] for n in (3, 9))
    assert len(small) == 3 and len(middle) == 9 and set(small) < set(middle)
    assert small != pretraining_part(table, fold, LABELS, size=3, seed=4)[0]


def test_what_cannot_be_chosen_is_refused(people):
    table, fold = people
    with pytest.raises(ParameterError, match="'some': use one of target, all, other"):
        pretraining_part(table, fold, LABELS, emotions="some")
    with pytest.raises(ProtocolError, match=r"16 training .* 500 and 2"):
        pretraining_part(table, fold, LABELS, size=500)
    with pytest.raises(ProtocolError, match="0 training"):
        pretraining_part(table, fold, (*LABELS, "fear"), emotions="other")


def test_a_fraction_keeps_one_of_each_class_and_names_a_class_without_any(people):
    table, fold = people
    task = table[table["emotion"].isin(LABELS)]
    kept = protocols.label_fraction(task, fold.train, 0.01, seed=0)
    assert sorted(task.loc[list(kept), "emotion"]) == sorted(LABELS)
    angry = [u for u in fold.train if task.loc[u, "emotion"] == "anger"]
    with pytest.raises(ProtocolError, match="neutral"):
        protocols.label_fraction(task, angry, 0.5, seed=0)


def test_self_supervised_views_by_name(tmp_path):
    assert self_supervised("byol-s").name == "byol-s-frames"
    assert self_supervised("untrained").name == "untrained-frames"
    import transformers

    config = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=20,
        conv_dim=(8, 8),
        conv_stride=(5, 4),
        conv_kernel=(10, 3),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2Model(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    view = self_supervised(str(tmp_path))
    clip = np.random.default_rng(0).normal(size=2000).astype("f4")
    states = view.extract(clip, 16000)
    assert states.shape[1:] == (4, 16) and states.dtype == np.float16
