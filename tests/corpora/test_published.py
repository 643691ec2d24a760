"""A copy's totals beside the published ones."""

from pathlib import Path

import pytest
import yaml

from serlib.corpora import list_corpora, load_corpus
from serlib.corpora import published as module
from serlib.corpora.corpus import Corpus
from serlib.corpora.published import compare, lines, totals
from serlib.corpora.schema import SPLITS

HERE = {"utterances": 10, "speakers": 2, "split train": 6, "emotion anger": 4, "emotion fear": 6}
WHOLE = {"source": "A 2020", "utterances": 10, "splits": {"train": 6}, "emotions": {"anger": 4}}


def test_totals_of_a_table(tmp_path):
    rows = [
        {"utterance": str(n), "text": "a", "speaker": "st"[n % 2], "dialogue": f"d{n // 2}"}
        | {"session": "1", "emotion": ["anger", "fear", None][n % 3], "split": "train"}
        for n in range(6)
    ]
    corpus = Corpus.build("toy", tmp_path, rows, licence="", labels=("anger", "fear", "calm"))
    assert totals(corpus.table, corpus.labels) == {
        "utterances": 6,
        "speakers": 2,
        "sessions": 1,
        "dialogues": 3,
        "split train": 6,
        "emotion anger": 2,
        "emotion fear": 2,
        "emotion calm": 0,
    }


def test_equal_totals_are_one_line():
    found = compare("toy", ["anger", "fear"], HERE, [WHOLE])
    assert found == {"source": "A 2020", "differences": []}
    assert lines(found) == ["totals: as published (A 2020)"]


def test_each_total_that_differs_is_named():
    edition = WHOLE | {"utterances": 11, "speakers": 3, "emotions": {"anger": 4, "calm": 1}}
    found = compare("toy", ["anger", "fear"], HERE, [edition | {"splits": {"dev": 6}}])
    assert lines(found) == [
        "utterances: 10 here, 11 published (A 2020)",
        "speakers: 2 here, 3 published (A 2020)",
        "split dev: 0 here, 6 published (A 2020)",
        "emotion calm: 0 here, 1 published (A 2020)",
    ]
    assert found["differences"][0] == {"total": "utterances", "here": 10, "published": 11}


def test_of_several_editions_the_nearest_counts():
    editions = [{"source": str(n), "utterances": n} for n in (5, 9, 30)]
    assert lines(compare("toy", [], HERE, editions)) == ["utterances: 10 here, 9 published (9)"]
    assert compare("toy", [], HERE, [*editions, WHOLE])["source"] == "A 2020"


def test_editions_for_other_labels_are_left_aside():
    editions = [WHOLE | {"labels": ["fear", "anger"]}, {"source": "B", "utterances": 9}]
    assert compare("toy", ["anger", "fear"], HERE, editions)["source"] == "A 2020"
    assert compare("toy", ["anger"], HERE, editions)["source"] == "B"
    assert compare("toy", ["anger"], HERE, editions[:1]) is None
    assert lines(None) == []


def test_an_unknown_corpus_is_compared_with_nothing():
    assert compare("my-corpus", ["anger"], HERE) is None


def test_the_file_is_in_form_and_adds_up():
    """Emotions or parts of one edition that are all there sum to its utterances."""
    path = Path(module.__file__).with_suffix(".yml")
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(known) - {"tess"} <= {*list_corpora(), *UNWRITTEN}
    # Where a part of the utterances has no label, or a part no split that is ours.
    partial = {"msp_improv", "msp_podcast", "Busso et al. 2008"}
    for name, editions in known.items():
        for edition in editions:
            assert edition["source"] and set(edition) <= KEYS, name
            assert set(edition.get("splits", {})) <= set(SPLITS)
            for key in ("splits", "emotions"):
                if key in edition and not {name, edition["source"]} & partial:
                    assert sum(edition[key].values()) == edition["utterances"], (name, key)


KEYS = {"source", "labels", "utterances", "speakers", "sessions", "dialogues", "splits", "emotions"}
# Their adapters may come after this test.
UNWRITTEN = {"iemocap", "msp_improv", "msp_podcast", "crema_d"}


def real(root, name):
    corpus = load_corpus(name, root / "corpora" / name)
    return compare(corpus.name, corpus.labels, totals(corpus.table, corpus.labels))["differences"]


@pytest.mark.real
@pytest.mark.parametrize("name", ["emodb", "ravdess", "crema_d"])
def test_real_copies_are_as_published(real_root, name):
    assert real(real_root, name) == []


@pytest.mark.real
def test_the_real_dailydialog_lacks_one_dialogue(real_root):
    dialogues = {"total": "dialogues", "here": 13117, "published": 13118}
    assert real(real_root, "dailydialog")[0] == dialogues
