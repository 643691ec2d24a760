"""Pre-training, reading linearly, fine-tuning: on made utterances whose views share a factor."""

import numpy as np
import pandas as pd
import pytest
import torch

from serlib import protocols, training, views
from serlib.papers import pairwise_cl_train
from serlib.papers.pairwise_cl import pairwise_nt_xent
from serlib.papers.pairwise_cl_data import Labelled
from serlib.papers.pairwise_cl_encoders import make_encoder
from serlib.papers.pairwise_cl_train import embed, fine_tune, pretrain, read_linearly, supervised

LABELS = ("anger", "neutral", "sadness")
HOW = dict(epochs=6, patience=6, batch_size=16, device="cpu", progress=False)


@pytest.fixture(scope="module")
def made():
    """Ninety utterances of nine speakers in two views; the class moves both, noise each alone."""
    rng = np.random.default_rng(0)
    ids = [f"u{i:02}" for i in range(90)]
    kind = np.arange(90) % 3
    table = pd.DataFrame(
        {"emotion": np.array(LABELS)[kind], "speaker": [f"s{i // 10}" for i in range(90)]}, ids
    )
    centre = 2 * rng.normal(size=(3, 8))
    frames = {
        u: (centre[k] + rng.normal(size=(9, 8))).astype("f4")
        for u, k in zip(ids, kind, strict=True)
    }
    vectors = {
        u: (centre[k] + 2 * rng.normal(size=8)).astype("f4") for u, k in zip(ids, kind, strict=True)
    }
    fold = protocols.grouped_k_fold(table, 3, 0)[0]
    return {"ssl": frames, "functionals": vectors}, table, fold


def weights(module):
    return torch.cat([p.detach().flatten().float() for p in module.state_dict().values()])


def score(module, view, made):
    features, table, fold = made
    items = Labelled(features[view], table, fold.test, LABELS)
    given = training.predict(module, items, device="cpu").argmax(1)
    truth = table.loc[list(fold.test), "emotion"]
    return protocols.uar(truth, np.array(LABELS)[given], LABELS)


def pretrained(made, directory, **options):
    features, _, fold = made
    return pretrain(features, fold.train, fold.dev, directory=directory, seed=0, **(HOW | options))


def test_pre_training_brings_the_views_together_and_keeps_the_best_epoch(made, tmp_path):
    module, fit = pretrained(made, tmp_path)
    assert fit.history["minus_loss"].iloc[-1] > fit.history["minus_loss"].iloc[0]
    features, _, fold = made
    found = [embed(module.encoders[v], features[v], fold.dev) for v in features]
    projected = [
        module.heads[v](torch.tensor(e.to_numpy())) for v, e in zip(features, found, strict=True)
    ]
    assert -pairwise_nt_xent(projected).item() == pytest.approx(fit.best_score, abs=1e-4)


class Killed(Exception):
    pass


def test_a_killed_pre_training_resumes_to_the_same_end(made, tmp_path, monkeypatch):
    whole, fit = pretrained(made, tmp_path / "whole")

    def dying(self):
        if self.current_epoch == 3:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(pairwise_cl_train.PairwiseCL, "on_train_epoch_start", dying)
        with pytest.raises(Killed):
            pretrained(made, tmp_path / "killed")
    resumed, fit_again = pretrained(made, tmp_path / "killed")
    assert torch.equal(weights(whole), weights(resumed)) and fit.history.equals(fit_again.history)


def test_a_missing_utterance_is_left_out_of_pre_training_and_named(made, tmp_path, capsys):
    features, _, fold = made
    lacking = {k: v for k, v in features["ssl"].items() if k != fold.train[0]}
    parts = features | {"ssl": lacking}
    pretrain(parts, fold.train, fold.dev, directory=tmp_path, seed=0, **(HOW | {"epochs": 1}))
    assert f"{fold.train[0]} (not in ssl)" in capsys.readouterr().err


def test_fine_tuning_learns_and_leaves_the_encoder_as_it_was(made, tmp_path):
    features, table, fold = made
    module, _ = pretrained(made, tmp_path / "pre")
    encoder = module.encoders["ssl"]
    before = weights(encoder)
    parts = (features["ssl"], table, fold.train, fold.dev, LABELS)
    tuned, _ = fine_tune(encoder, *parts, directory=tmp_path / "full", seed=0, **HOW)
    assert torch.equal(weights(encoder), before)
    assert not torch.equal(weights(tuned.encoder), before)
    assert score(tuned, "ssl", made) > 0.8


def test_fine_tuning_is_the_same_whether_or_not_the_encoder_was_used_before(made, tmp_path):
    """`embed` leaves an encoder in evaluation mode; training must not inherit that."""
    features, table, fold = made
    parts = (features["functionals"], table, fold.train, fold.dev, LABELS)
    torch.manual_seed(0)
    encoder, ends = make_encoder("functionals", np.zeros(8)), []
    for name in ("fresh", "used"):
        module, _ = fine_tune(encoder, *parts, directory=tmp_path / name, seed=0, **HOW)
        ends.append(weights(module))
        embed(encoder, features["functionals"], fold.dev)
    assert torch.equal(*ends)


def test_training_from_scratch_learns_and_follows_its_seed(made, tmp_path):
    features, table, fold = made
    parts = (features["functionals"], table, fold.train, fold.dev, LABELS)
    runs = [
        supervised("functionals", *parts, directory=tmp_path / name, seed=seed, **HOW)[0]
        for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    ]
    assert score(runs[0], "functionals", made) > 0.6
    a, b, c = (weights(run) for run in runs)
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_classes_of_a_batch_count_alike():
    torch.manual_seed(0)
    module = pairwise_cl_train.ViewClassifier(make_encoder("functionals", np.zeros(8)), LABELS)
    x, lengths = torch.randn(6, 8), torch.ones(6)
    emotion = torch.tensor([0, 0, 0, 0, 1, 1])
    loss = module.eval().losses({"view": (x, lengths), "emotion": emotion})["loss"]
    each = -module((x, lengths)).log_softmax(1)[range(6), emotion]
    torch.testing.assert_close(loss, (each[:4].mean() + each[4:].mean()) / 2)


def test_embedding_is_by_id_and_learns_nothing(made):
    features, _, fold = made
    encoder = make_encoder("ssl", features["ssl"][fold.test[0]])
    found = embed(encoder, features["ssl"], fold.test, batch_size=7)
    assert found.shape == (len(fold.test), 128) and list(found.index) == list(fold.test)
    again = embed(encoder, features["ssl"], fold.test[::-1])
    np.testing.assert_allclose(found, again.loc[found.index], atol=1e-6)


def test_a_linear_reading_uses_the_training_part_alone(made):
    """Whatever the test part holds, the others' probabilities stay; and dev chooses the penalty."""
    features, table, fold = made
    vectors = pd.DataFrame.from_dict(features["functionals"], orient="index")
    few = protocols.label_fraction(table, fold.train, 0.2, 0)
    parts = (table, fold.train, few, fold.dev)
    scores = read_linearly(vectors, *parts, fold.test, LABELS)
    assert scores.shape == (len(fold.test), 3) and np.allclose(scores.sum(1), 1)
    truth = table.loc[list(fold.test), "emotion"]
    assert protocols.uar(truth, np.array(LABELS)[scores.argmax(1)], LABELS) > 0.6
    other = vectors.copy()
    other.loc[list(fold.test[1:])] = 1e6
    np.testing.assert_allclose(read_linearly(other, *parts, fold.test, LABELS)[0], scores[0])
    other = vectors.copy()
    other.loc[list(set(fold.train) - set(few))] *= 50
    assert not np.allclose(read_linearly(other, *parts, fold.test, LABELS)[0], scores[0])
    turned = read_linearly(vectors, *parts, fold.test, LABELS[::-1])
    np.testing.assert_allclose(turned[:, ::-1], scores)


def test_the_penalty_is_the_one_that_reads_the_validation_part_best(made, monkeypatch):
    features, table, fold = made
    vectors = pd.DataFrame.from_dict(features["functionals"], orient="index")
    truth, parts = table.loc[list(fold.dev), "emotion"], (table, fold.train, fold.train[:9])

    def read(*penalties):
        monkeypatch.setattr(pairwise_cl_train, "PENALTIES", penalties)
        scores = read_linearly(vectors, *parts, fold.dev, fold.dev, LABELS)
        return protocols.uar(truth, np.array(LABELS)[scores.argmax(1)], LABELS)

    alone = {penalty: read(penalty) for penalty in (1e-9, 0.01, 1.0, 100.0)}
    worst_first = sorted(alone, key=alone.get)
    assert alone[worst_first[0]] < alone[worst_first[-1]]
    for order in (worst_first, worst_first[::-1]):
        assert read(*order) == alone[worst_first[-1]]


def test_pre_training_extracts_nothing_and_reads_the_store(tiny, tmp_path):
    """No waveform is opened after the views are loaded, in the first epoch or in the second."""
    store = views.Store(tmp_path / "store")
    wanted = {"mel": views.LogMel(), "functionals": views.Egemaps()}
    features = {n: views.load(tiny, v, store=store, progress=False) for n, v in wanted.items()}
    extracted = tiny.reads
    ids = features["mel"].utterances
    _, fit = pretrain(
        features, ids, ids, directory=tmp_path / "run", seed=0, **(HOW | {"epochs": 2})
    )
    assert len(fit.history) == 2 and extracted == 12 == tiny.reads
