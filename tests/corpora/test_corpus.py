import os

import numpy as np
import pandas as pd
import pytest

from serlib.corpora import COLUMNS, EMOTIONS, load_corpus
from serlib.corpora.corpus import Corpus
from serlib.corpora.schema import validate
from serlib.errors import CorpusError


def row(utterance="u1", **columns):
    return {"utterance": utterance, "path": f"{utterance}.wav", "emotion": "anger", **columns}


def build(root, *rows, labels=("anger", "fear")):
    return Corpus.build("toy", root, rows, licence="none", labels=labels)


def test_a_column_that_a_corpus_lacks_is_na_and_its_own_come_last(tmp_path):
    table = build(tmp_path, row(turn=3, own=1, votes={"anger": 2})).table
    assert tuple(table.columns) == (*COLUMNS, "own") and table.index.name == "utterance"
    lacking = set(COLUMNS) - {"path", "emotion", "turn", "votes"}
    assert table[sorted(lacking)].isna().all(axis=None)
    assert table["turn"].dtype == "Int64" and table["start"].dtype == float
    assert table.loc["u1", "votes"] == {"anger": 2}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"emotion": "angry"}, "emotion 'angry' is not one of anger, boredom"),
        ({"gender": "f"}, "gender 'f' is not one of female, male"),
        ({"split": "val"}, "split 'val' is not one of train, dev, test"),
        ({"start": "early"}, "start 'early' is not a number"),
        ({"start": -1.0}, "start '-1.0' is not 0 or more seconds"),
        ({"start": 2.0, "end": 1.0}, "ends at 1 s, not after its start"),
        ({"end": 0.0}, "ends at 0 s, not after its start"),
        ({"language": "german"}, "two-letter"),
        ({"votes": {"angry": 1}}, "votes"),
        ({"votes": {"anger": -1}}, "votes"),
        ({"votes": {"anger": 0.5}}, "votes"),
        ({"turn": 1.5}, "turn has values that are not a whole number"),
        ({"path": None}, "neither path nor text"),
        ({"path": "../u1.wav"}, "leaves the folder"),
        ({"path": "a/../../u1.wav"}, "leaves the folder"),
        ({"path": "/etc/passwd"}, "leaves the folder"),
    ],
)
def test_a_table_that_breaks_the_schema_is_refused_in_one_line(tmp_path, columns, words):
    with pytest.raises(CorpusError) as caught:
        build(tmp_path, row("u0"), row(**columns))
    line = str(caught.value)
    assert line.startswith("toy: ") and words in line and "\n" not in line
    assert "u1" in line or "turn" in columns


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "u1.wav").symlink_to(tmp_path / "elsewhere.wav")
    with pytest.raises(CorpusError, match="leaves the folder"):
        build(root, row())


def test_a_file_behind_a_folder_that_is_a_link_out_is_refused(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "wav").symlink_to(tmp_path)
    (tmp_path / "u1.wav").touch()
    with pytest.raises(CorpusError, match=r"'wav/u1.wav' leaves the folder"):
        build(root, row(path="wav/u1.wav"))


def test_a_path_is_relative_even_inside_the_folder(tmp_path):
    with pytest.raises(CorpusError, match="relative to that folder"):
        build(tmp_path, row(path=os.fspath(tmp_path / "u1.wav")))


def test_links_inside_the_folder_are_fine_and_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "u1.wav").symlink_to(tmp_path / "u2.wav")
    assert build(tmp_path, row()).path("u1") == tmp_path / "u1.wav"
    (tmp_path / "u2.wav").symlink_to(tmp_path / "u1.wav")
    with pytest.raises(CorpusError, match="leaves the folder"):
        build(tmp_path, row())


def test_duplicate_ids_and_no_rows(tmp_path):
    with pytest.raises(CorpusError, match="utterance 'u1' occurs more than once"):
        build(tmp_path, row(), row())
    with pytest.raises(CorpusError, match="no utterance found"):
        build(tmp_path)
    with pytest.raises(CorpusError, match="no rows"):
        validate(pd.DataFrame(), tmp_path, "toy")


def test_audio_is_the_segment_of_the_row(tmp_path, clip):
    clip(tmp_path / "u1.wav")
    corpus = build(tmp_path, row(), row("u2", path="u1.wav", start=0.25, end=0.5))
    whole, rate = corpus.audio("u1")
    np.testing.assert_array_equal(corpus.audio("u2")[0], whole[4000:8000])
    assert rate == 16000 and corpus.path("u2") == tmp_path / "u1.wav"


def test_path_of_an_unknown_or_a_text_utterance(tmp_path):
    corpus = build(tmp_path, row(), row("t", path=None, text="hello"))
    with pytest.raises(CorpusError, match="no utterance 'x'"):
        corpus.path("x")
    with pytest.raises(CorpusError, match="'t' is text only"):
        corpus.audio("t")


def test_select_keeps_rows_and_gives_labels_in_the_order_asked(tmp_path):
    rows = [row("a"), row("b", emotion="fear", turn=1), row("c", emotion=None), row("d", turn=1)]
    corpus = build(tmp_path, *rows)
    chosen = corpus.select(["fear", "anger"])
    assert chosen.labels == ("fear", "anger") and list(chosen.table.index) == ["a", "b", "d"]
    assert list(corpus.select(turn=1).table.index) == ["b", "d"]
    assert corpus.select(turn=1).labels == corpus.labels
    assert list(corpus.select(["anger"], turn=1).table.index) == ["d"]
    assert len(corpus.table) == 4


def test_select_unites_emotions_into_one_class(tmp_path):
    rows = [row("a"), row("b", emotion="fear"), row("c", emotion=None)]
    corpus = build(tmp_path, *rows)
    chosen = corpus.select(["anger+fear"])
    assert chosen.labels == ("anger+fear",) and set(chosen.table["emotion"]) == {"anger+fear"}
    assert list(chosen.table.index) == ["a", "b"] and list(corpus.table["emotion"][:1]) == ["anger"]
    # A part that this corpus lacks adds nothing, so that two corpora can be given one task.
    assert list(corpus.select(["fear+excitement"]).table["emotion"]) == ["fear+excitement"]
    assert chosen.select(["anger+fear"]).table.equals(chosen.table)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["anger+fera"], "no emotion 'fera'"),
        (["sadness+excitement"], "no emotion 'sadness.excitement'; it has anger, fear"),
        (["anger", "fear+anger"], "'anger' is in 'anger' and in 'fear.anger'"),
    ],
)
def test_select_refuses_odd_unions(tmp_path, asked, message):
    with pytest.raises(CorpusError, match=message):
        build(tmp_path, row()).select(asked)


def test_select_refuses_what_is_not_there(tmp_path):
    corpus = build(tmp_path, row(session="1"))
    with pytest.raises(CorpusError, match="no emotion 'joy'; it has anger, fear"):
        corpus.select(["joy"])
    with pytest.raises(CorpusError, match="no column 'room'"):
        corpus.select(room="A")
    with pytest.raises(CorpusError, match="no utterance matches anger, session=2"):
        corpus.select("anger", session="2")


def test_the_emotions_agreed():
    assert len(set(EMOTIONS)) == 15 and {"neutral", "other", "excitement"} <= set(EMOTIONS)


def test_unknown_names_options_and_folders(tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="did you mean 'emodb'"):
        load_corpus("EMO-DB")
    with pytest.raises(CorpusError, match="no option 'size'; it takes none"):
        load_corpus("emodb", tmp_path, size=3)
    with pytest.raises(CorpusError, match=r"no folder .*nowhere"):
        load_corpus("emodb", tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="root is missing"):
        load_corpus("table")
    monkeypatch.delenv("SERLIB_DATA", raising=False)
    with pytest.raises(CorpusError, match="SERLIB_DATA is unset"):
        load_corpus("ravdess")
    monkeypatch.setenv("SERLIB_DATA", os.fspath(tmp_path))
    with pytest.raises(CorpusError, match=r"no folder .*corpora.emodb"):
        load_corpus("emodb")
