"""Splits to hold a result against: what they share, and what they must not."""

import pandas as pd
import pytest

from serlib.errors import ProtocolError
from serlib.protocols import audit, leave_out, random_k_fold


@pytest.fixture
def table():
    """Four speakers say three sentences in two emotions; case and stops differ."""
    rows = [
        {"speaker": s, "text": text.upper() if s == "s1" else text, "emotion": e}
        for s in ("s0", "s1", "s2", "s3")
        for text in ("Yes.", "No.", "Maybe.")
        for e in ("anger", "sadness")
    ]
    return pd.DataFrame(rows).set_index(pd.Index([f"u{i:02}" for i in range(24)], name="utterance"))


def shared(fold, table, kind):
    seen = audit(fold, table).set_index(["kind", "pair"])
    return seen.loc[(kind, "train-test"), "count"]


@pytest.mark.parametrize(
    ("columns", "folds", "train"),
    [(["speaker"], 4, 18), (["text"], 3, 16), (["speaker", "text"], 12, 12)],
)
def test_nothing_of_the_columns_is_shared(table, columns, folds, train):
    found = leave_out(table, columns)
    assert len(found) == folds
    assert sorted(u for fold in found for u in fold.test) == sorted(table.index)
    for fold in found:
        assert len(fold.train) == train
        assert fold.dev == ()
        assert all(shared(fold, table, column) == 0 for column in columns)
        others = {"speaker", "text"} - set(columns)
        assert all(shared(fold, table, column) > 0 for column in others)


def test_random_folds_share_speakers_and_balance_classes(table):
    found = random_k_fold(table, 4, seed=0)
    assert sorted(u for fold in found for u in fold.test) == sorted(table.index)
    for fold in found:
        assert not set(fold.train) & set(fold.test)
        assert table.loc[list(fold.test), "emotion"].value_counts().tolist() == [3, 3]
        assert shared(fold, table, "speaker") > 0
    assert random_k_fold(table, 4, seed=0) == found
    assert random_k_fold(table, 4, seed=1) != found


def test_what_cannot_be_cut_is_refused(table):
    with pytest.raises(ProtocolError, match=r"k=13: the rarest class \(anger\) has 12"):
        random_k_fold(table, 13, seed=0)
    with pytest.raises(ProtocolError, match="text: the table has no such column"):
        leave_out(table.drop(columns="text"), ["text"])
    only = table[(table["speaker"] == "s0") | (table["emotion"] == "anger")]
    with pytest.raises(ProtocolError, match=r"sadness: no example in the train part of fold s0"):
        leave_out(only, ["speaker"])
