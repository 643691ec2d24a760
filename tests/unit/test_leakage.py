"""The leakage audit finds what is shared, and never passes over what it could not check."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from serlib.errors import ProtocolError
from serlib.protocols import Fold, assert_clean, audio_content, audit
from serlib.protocols.leakage import KINDS, normalise

PAIRS = ["train-dev", "train-test", "dev-test"]
FOLD = Fold("one", ("a", "b"), ("c",), ("d", "e"), "S3")
CONTENT = {one: f"digest-{one}" for one in "abcde"}


def table(**columns):
    """Five utterances that share nothing, with some columns replaced."""
    clean = {
        "speaker": ["S1", "S1", "S2", "S3", "S3"],
        "session": ["1", "1", "2", "3", "3"],
        "dialogue": ["d1", "d2", "d3", "d4", "d5"],
        "text": ["one", "two", "three", "four", "five"],
        "emotion": ["anger", "sadness", "anger", "anger", "sadness"],
    }
    return pd.DataFrame(clean | columns, index=pd.Index(list("abcde"), name="utterance"))


def row(frame, kind, pair):
    return frame[(frame["kind"] == kind) & (frame["pair"] == pair)].iloc[0]


def test_a_clean_fold_has_all_rows_and_zeros():
    frame = audit(FOLD, table(), CONTENT)
    assert list(frame["kind"].unique()) == [*KINDS, "missing class"]
    assert all(list(part["pair"]) == PAIRS for _, part in frame.groupby("kind"))
    shared = frame[frame["kind"] != "missing class"]
    assert (shared["count"] == 0).all() and (frame["note"] == "").all()
    assert (frame["fold"] == "one").all()
    assert_clean(frame, KINDS)


@pytest.mark.parametrize(
    ("kind", "columns", "pair", "example"),
    [
        ("speaker", {"speaker": ["S1", "S1", "S2", "S1", "S3"]}, "train-test", "S1"),
        ("session", {"session": ["1", "1", "2", "2", "3"]}, "dev-test", "2"),
        ("dialogue", {"dialogue": ["d1", "d2", "d1", "d4", "d5"]}, "train-dev", "d1"),
        ("text", {"text": ["one", "two", "3", "Two!", "five"]}, "train-test", "two"),
    ],
)
def test_each_shared_column_is_found_in_its_pair_only(kind, columns, pair, example):
    frame = audit(FOLD, table(**columns), CONTENT)
    found = frame[(frame["count"] > 0) & (frame["kind"] != "missing class")]
    assert [tuple(one) for one in found[["kind", "pair"]].to_numpy()] == [(kind, pair)]
    assert found.iloc[0][["count", "utterances", "examples"]].to_list() == [1, 1, example]
    with pytest.raises(ProtocolError, match=f"fold one, {pair}, {kind}: 1 shared"):
        assert_clean(frame, [kind])
    assert_clean(frame, [other for other in KINDS if other != kind])


def test_identical_audio_is_found_by_content():
    frame = audit(FOLD, table(), CONTENT | {"e": "digest-c"})
    assert row(frame, "audio", "dev-test")["count"] == 1
    assert row(frame, "audio", "train-test")["count"] == 0
    with pytest.raises(ProtocolError, match="dev-test, audio: 1 shared"):
        assert_clean(frame)


def test_an_utterance_in_two_parts_is_always_refused():
    fold = Fold("twice", ("a", "b"), ("c",), ("b", "d", "e"), "S3")
    frame = audit(fold, table(speaker=list("vwxyz")), CONTENT)
    assert row(frame, "utterance", "train-test")["examples"] == "b"
    with pytest.raises(ProtocolError, match="train-test, utterance: 1 shared"):
        assert_clean(frame, [])


def test_what_was_not_checked_is_said_and_not_clean():
    frame = audit(FOLD, table(session=pd.NA).drop(columns="dialogue"))
    for kind in ("session", "dialogue", "audio"):
        for pair in PAIRS:
            assert row(frame, kind, pair)["note"].startswith("not checked")
            assert row(frame, kind, pair)["count"] is pd.NA
        with pytest.raises(ProtocolError, match=f"{kind}: not checked"):
            assert_clean(frame, [kind])
    assert_clean(frame, ["speaker", "text"])
    with pytest.raises(ProtocolError, match="audio: not checked"):
        assert_clean(frame)


def test_gaps_are_counted_and_the_rest_is_checked():
    frame = audit(FOLD, table(text=["one", None, "three", "ONE", "?!"]), CONTENT)
    found = row(frame, "text", "train-test")
    assert found["count"] == 1
    assert found["note"] == "not checked for 2 of 4 utterances: text unknown"
    with pytest.raises(ProtocolError, match="not checked for"):
        assert_clean(frame, ["text"])


def test_affected_utterances_are_those_of_the_second_part():
    text = ["same", "same", "x", "same", "same"]
    found = row(audit(FOLD, table(text=text), CONTENT), "text", "train-test")
    assert (found["count"], found["utterances"]) == (1, 2)


def test_missing_classes_are_listed():
    frame = audit(FOLD, table(), CONTENT)
    assert row(frame, "missing class", "train-dev")["examples"] == "sadness"
    assert row(frame, "missing class", "train-test")["count"] == 0
    dimensional = audit(FOLD, table(emotion=pd.NA), CONTENT)
    assert "missing class" not in set(dimensional["kind"])


def test_an_empty_dev_part_shares_nothing():
    frame = audit(Fold("two", ("a", "b"), (), ("d", "e"), "S3"), table(), CONTENT)
    assert (frame.loc[frame["kind"] == "speaker", "count"] == 0).all()
    assert_clean(frame)


def test_foreign_utterances_and_kinds_are_refused():
    with pytest.raises(ProtocolError, match=r"2 utterances \(y, z\) are not in the table"):
        audit(Fold("far", ("a",), ("c",), ("y", "z"), "?"), table())
    with pytest.raises(ProtocolError, match="'colour'"):
        assert_clean(audit(FOLD, table(), CONTENT), ["colour"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Das will sie am Mittwoch abgeben.", "das  will sie\tam mittwoch ABGEBEN"),
        ("Don't!", "don’t"),
        ("well-known", "well known"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_text_is_compared_as_words(one, other):
    assert normalise(one) == normalise(other)
    assert normalise(one) != normalise(one + " x")


def test_random_folds_agree_with_sets():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        ids = [f"u{i}" for i in range(60)]
        frame = pd.DataFrame(
            {kind: rng.integers(0, 40, 60).astype(str) for kind in KINDS[1:5]}, index=ids
        ).assign(emotion="anger")
        content = {one: str(rng.integers(0, 40)) for one in ids}
        parts = [tuple(part) for part in np.array_split(rng.permutation(ids), 3)]
        found = audit(Fold("random", *parts, "?"), frame, content)
        known = {kind: frame[kind].to_dict() for kind in KINDS[1:5]} | {"audio": content}
        for kind, value in known.items():
            for pair, (one, other) in zip(PAIRS, combinations(parts, 2), strict=True):
                expected = {value[u] for u in one} & {value[u] for u in other}
                assert row(found, kind, pair)["count"] == len(expected)


def test_audio_content_reads_files_and_segments(tmp_path):
    from serlib.corpora import Corpus

    for name, data in {"a": b"same", "b": b"same", "c": b"other"}.items():
        (tmp_path / name).write_bytes(data)
    utterances = pd.DataFrame(
        {
            "path": ["a", "b", "c", "a", "a", "gone"],
            "start": [np.nan, np.nan, np.nan, 0.0, 1.0, np.nan],
            "end": [np.nan, np.nan, np.nan, 1.0, 2.0, np.nan],
        },
        index=list("abcdef"),
    )
    content = audio_content(Corpus("made", tmp_path, utterances, "none", ()))
    assert content["a"] == content["b"]
    assert len({content[one] for one in "acde"}) == 4
    assert "f" not in content


@pytest.mark.real
def test_emodb_shares_its_sentences_and_nothing_else(real_root):
    from serlib.corpora import load_corpus
    from serlib.protocols import leave_one_speaker_out

    corpus = load_corpus("emodb", real_root / "corpora" / "emodb")
    content = audio_content(corpus)
    assert len(content) == 535
    for fold in leave_one_speaker_out(corpus.table):
        frame = audit(fold, corpus.table, content)
        assert_clean(frame)
        assert 0 < row(frame, "text", "train-test")["count"] <= 10
