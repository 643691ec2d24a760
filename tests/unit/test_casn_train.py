"""CASN from vectors to scores, in miniature: a corpus whose emotions only the context tells."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from serlib import protocols
from serlib.papers import casn_baselines, casn_score, casn_train
from serlib.papers.casn_cost import PieceCASN, PieceDialogues, measure
from serlib.papers.casn_train import VARIANTS, Step

LABELS = ("neutral", "anger", "happiness")
SMALL = {"dim": 32, "layers": 1, "heads": 4}
PLAIN = Step(epochs=6, lr=8e-3, balance=0.0, sampling="natural")
DIALOGUES = 160


@pytest.fixture(scope="module")
def corpus():
    """A turn's vector says which emotion, and its dialogue's first turn whether there is any."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 9, DIALOGUES)
    rows = [(f"d{d:03d}", t) for d, n in enumerate(lengths) for t in range(n)]
    table = pd.DataFrame(rows, columns=["dialogue", "turn"])
    table.index = [f"{d}-{t}" for d, t in rows]
    table["speaker"] = ["AB"[t % 2] for _, t in rows]
    said, loud = rng.integers(1, 3, len(table)), np.repeat(rng.random(DIALOGUES) < 0.4, lengths)
    table["emotion"] = np.array(LABELS)[np.where(loud, said, 0)]
    vectors = 0.3 * rng.normal(size=(len(table), 16)).astype("f4")
    vectors[np.arange(len(table)), said] += 1
    vectors[loud & (table["turn"] == 0), 5] += 3
    part = table["dialogue"].str[1:].astype(int)
    parts = {"train": part < 110, "dev": part.between(110, 129), "test": part >= 130}
    parts = {name: table.index[own].tolist() for name, own in parts.items()}
    return dict(zip(table.index, vectors, strict=True)), table, parts


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("casn")


def fitted(corpus, runs, steps, window=32, seed=0):
    data = casn_train.dialogues(*corpus, LABELS, window)
    quiet = {"device": "cpu", "progress": False, "batch_size": 8 if window > 1 else 32}
    module, fits = casn_train.train(steps, data, directory=runs, seed=seed, **quiet, **SMALL)
    return module, fits, data


@pytest.fixture(scope="module")
def plain(corpus, runs):
    """Step one alone: the module, its fits and its dialogues."""
    return fitted(corpus, runs, (PLAIN,))


def micro(scores, data):
    truth = data["test"].truth
    return protocols.f1(truth, scores.argmax(1), range(3), average="micro", without=0)


def test_context_tells_what_an_utterance_alone_does_not(corpus, runs, plain):
    reached = {}
    for window, (module, _, data) in {32: plain, 1: fitted(corpus, runs, (PLAIN,), 1)}.items():
        read = casn_score.read_out(module, data, device="cpu")
        reached[window] = {name: micro(own.scores, data) for name, own in read.items()}
    assert set(reached[32]) == {"head", "prototype", "knn"}
    assert min(reached[32].values()) > 0.85 > 0.65 > max(reached[1].values())


def test_the_second_step_begins_where_the_first_ended(corpus, runs, plain):
    two = (PLAIN, Step(epochs=2, lr=1e-3, cross_entropy=0.0, triplet=1.0))
    before = sorted(p.name for p in runs.glob("*"))
    first, _, _ = plain
    second, fits, _ = fitted(corpus, runs, two)
    assert len(sorted(runs.glob("*"))) == len(before) + 1, "step one is trained once"
    assert torch.equal(first.classifier.weight, second.classifier.weight)
    key = "encoder.project.1.weight"
    assert not torch.equal(first.state_dict()[key], second.state_dict()[key])
    assert list(fits[1].history.columns) == ["epoch", "micro_f1", "triplet", "loss"]
    apart, _, _ = fitted(corpus, runs, (replace(PLAIN, epochs=1),))
    assert not torch.equal(first.classifier.weight, apart.classifier.weight)


def test_the_watched_score_is_the_calibrated_micro_f1_of_dev(plain):
    module, fits, data = plain
    read = casn_score.read_out(module, data, ("head",), device="cpu")["head"]
    assert read.dev_micro_f1 == pytest.approx(fits[0].best_score, abs=1e-6)


def test_the_bias_never_sees_the_test_part(corpus, plain):
    module, _, data = plain
    read = casn_score.read_out(module, data, device="cpu")
    features, table, parts = corpus
    wrong = table.copy()
    wrong.loc[parts["test"], "emotion"] = "anger"
    other = casn_train.dialogues(features, wrong, parts, LABELS)
    again = casn_score.read_out(module, other, device="cpu")
    for name in read:
        np.testing.assert_array_equal(read[name].scores, again[name].scores)


def test_intervals_are_over_dialogues(corpus, plain):
    module, _, data = plain
    scores = casn_score.read_out(module, data, ("head",), device="cpu")["head"].scores
    frame = casn_score.predictions(scores, data["test"], corpus[1])
    assert frame["dialogue"].nunique() == 30
    assert (frame["truth"].to_numpy() == corpus[1].loc[frame["utterance"], "emotion"]).all()
    found = casn_score.intervals(frame, LABELS, n=200)
    assert list(found.index) == ["micro_f1", "macro_f1", "macro_f1_all", "weighted_f1", "mcc"]
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()
    assert found.loc["micro_f1", "value"] == pytest.approx(micro(scores, data))


def test_baselines(corpus):
    data = casn_train.dialogues(*corpus, LABELS)
    logits = casn_baselines.logistic(corpus[0], data)
    assert 0.3 < micro(logits["test"], data) < 0.75
    counts = corpus[1].loc[corpus[2]["train"], "emotion"].value_counts()
    told = np.array(LABELS)[casn_baselines.majority(data).argmax(1)]
    assert (told == counts.idxmax()).all() and len(told) == len(data["test"].scored)


def test_every_variant_takes_a_step(corpus, tmp_path):
    features, table, parts = corpus
    few = {name: own[:24] for name, own in parts.items()}
    data = casn_train.dialogues(features, table, few, LABELS)
    for name, steps in VARIANTS.items():
        brief = [replace(step, epochs=1) for step in steps]
        quiet = {"directory": tmp_path / name, "device": "cpu", "progress": False}
        module, fits = casn_train.train(brief, data, seed=0, **quiet, **SMALL)
        assert len(fits) == len(steps) and all(np.isfinite(f.best_score) for f in fits)
        assert all(torch.isfinite(p).all() for p in module.parameters())


def test_word_pieces_reach_their_turn(corpus):
    """The mean of pieces that all say the same is what the turn says."""
    features, table, parts = corpus
    rng = np.random.default_rng(1)
    many = {u: np.repeat(v[None], rng.integers(1, 6), 0) for u, v in features.items()}
    sentences = casn_train.dialogues(features, table, parts, LABELS)["dev"]
    pieces = PieceDialogues(many, table, parts["dev"], LABELS)
    items = [0, 5, len(pieces) - 1]
    a, b = sentences.collate(items), pieces.collate(items)
    assert pieces.scored == sentences.scored and torch.equal(a["emotion"], b["emotion"])
    assert b["dialogue"].present.sum() == sum(len(many[u]) for i in items for u in turns(pieces, i))
    torch.manual_seed(0)
    module = PieceCASN(LABELS, 16, **(SMALL | {"window": 64})).eval()
    module.encoder.position.weight.data.zero_()
    module.encoder.layers = Itself()
    ours = module.vectors(b["dialogue"])
    plain = super(PieceCASN, module).vectors(a["dialogue"])
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-4)


class Itself(torch.nn.Module):
    def forward(self, x, **_):
        return x


def turns(data, i):
    return data.ids[slice(*data.windows[i][:2])]


def test_pieces_cost_more_than_sentences(corpus):
    features, table, parts = corpus
    many = {u: np.repeat(v[None], 12, 0) for u, v in features.items()}
    short = casn_train.dialogues(features, table, parts, LABELS)["dev"]
    long = PieceDialogues(many, table, parts["dev"], LABELS)
    a = measure(casn_train.CASN(LABELS, 16, **SMALL), short, batch_size=8, batches=3)
    b = measure(PieceCASN(LABELS, 16, **(SMALL | {"window": 128})), long, batch_size=8, batches=3)
    assert b["tokens"] == pytest.approx(12 * a["tokens"])
    assert b["kept_mib"] > 10 * a["kept_mib"] and a["kept_mib"] > 0
    again = measure(casn_train.CASN(LABELS, 16, **SMALL), short, batch_size=8, batches=3)
    assert again["kept_mib"] == a["kept_mib"] and min(a["train_ms"], a["test_ms"]) > 0
