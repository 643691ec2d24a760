"""Corpus to record, in one go and small: what a chapter does."""

import json

import pytest

from serlib import results, training, views
from serlib.corpora import load_corpus
from serlib.papers import dsnet
from serlib.papers.dsnet_data import Clips, neutral_references
from serlib.protocols import leave_one_speaker_out

LABELS = ("anger", "happiness", "neutral", "sadness")


@pytest.fixture(scope="module")
def speech():
    corpus = load_corpus("emosynth").select(emotions=LABELS, condition="studio")
    return corpus, views.load(corpus, views.Fbank(), progress=False)


def run(speech, directory, seed):
    corpus, fbank = speech
    fold = leave_one_speaker_out(corpus.table, labels=LABELS)[0]
    references = neutral_references(fbank, corpus.table, fold.train, seed=seed)
    clips = [
        Clips(fbank, corpus.table, part, LABELS, 40, pool)
        for part, pool in [(fold.train, references), (fold.dev, None), (fold.test, None)]
    ]

    quiet = {"device": "cpu", "progress": False}

    def compute():
        training.seed_everything(seed)
        model = dsnet.DSNet(LABELS, width=4)
        fit = training.fit(model, *clips[:2], directory=directory, seed=seed, epochs=2, **quiet)
        scores = training.predict(model, clips[2], device="cpu")
        return scores, {"history": fit.history.to_dict("list")}

    about = {"paper": "dsnet", "variant": "dsnet", "corpus": corpus.name, "seed": seed}
    about |= {"protocol": "leave-one-speaker-out", "parameters": {"width": 4}, "labels": LABELS}
    about |= {"table": corpus.table, "fold": fold, "utterances": fold.test}
    record = results.once(directory, compute, **about)

    def never():
        raise AssertionError("a run whose record is there was made again")

    assert results.once(directory, never, **about) == results.read(directory / record.filename)
    record.created, record.seconds = "2026-01-01T00:00:00+00:00", 0.0
    return results.write(record, directory)


def test_the_same_seed_gives_the_same_record_to_the_byte(speech, tmp_path):
    first, second = (run(speech, tmp_path / name, seed=3) for name in "ab")
    assert first.name == second.name and first.read_bytes() == second.read_bytes()
    other = json.loads(run(speech, tmp_path / "c", seed=4).read_text())
    mine = json.loads(first.read_text())
    assert [u["scores"] for u in mine["utterances"]] != [u["scores"] for u in other["utterances"]]


def test_a_record_holds_every_test_utterance_once_with_scores_that_make_its_prediction(
    speech, tmp_path
):
    corpus, _ = speech
    record = results.read(run(speech, tmp_path, seed=0))
    fold = leave_one_speaker_out(corpus.table, labels=LABELS)[0]
    assert [row["utterance"] for row in record.utterances] == list(fold.test)
    assert {row["speaker"] for row in record.utterances} == {record.held_out}
    for row in record.utterances:
        assert sum(row["scores"]) == pytest.approx(1, abs=1e-3)
        assert row["prediction"] == LABELS[max(range(4), key=row["scores"].__getitem__)]
        assert row["truth"] == corpus.table.loc[row["utterance"], "emotion"]
    right = [row["truth"] == row["prediction"] for row in record.utterances]
    assert record.metrics["wa"]["value"] == pytest.approx(sum(right) / len(right), abs=1e-5)
