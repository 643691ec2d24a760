import pandas as pd
import pytest

from serlib.errors import ProtocolError
from serlib.protocols import copied_turns


def table(**dialogues):
    """Dialogues as ``split_number="turn|turn"``."""
    rows = [
        {
            "utterance": f"{name}-{turn}",
            "split": name.split("_")[0],
            "dialogue": name,
            "turn": turn,
            "text": text,
        }
        for name, texts in dialogues.items()
        for turn, text in enumerate(texts.split("|"))
    ]
    return pd.DataFrame(rows).set_index("utterance")


def test_a_dialogue_is_a_copy_if_all_its_turns_are_in_order():
    found = copied_turns(
        table(
            train_0="Hi !|Go away .",
            train_1="A b|c",
            test_0="hi|GO, away",
            test_1="Hi !",
            test_2="Go away .|Hi !",
            test_3="Hi !|Go away .|Ok",
            test_4="a|b c",
        )
    )
    assert dict(found) == {"test_0-0": "train_0-0", "test_0-1": "train_0-1"}


def test_the_first_original_is_named_and_only_the_asked_split_looked_up():
    corpus = table(train_0="x|y", train_1="X|Y", test_0="x|y", dev_0="x|y")
    assert dict(copied_turns(corpus)) == {"test_0-0": "train_0-0", "test_0-1": "train_0-1"}
    assert set(copied_turns(corpus, "dev", "test")) == {"test_0-0", "test_0-1"}
    assert dict(copied_turns(corpus, "train", "train")) == {
        "train_1-0": "train_0-0",
        "train_1-1": "train_0-1",
    }


def test_turns_are_matched_by_their_order_whatever_their_numbers_and_rows():
    corpus = table(train_0="a|b|c", test_0="a|b|c")
    corpus.loc[corpus["split"] == "test", "turn"] = [3, 7, 12]
    found = copied_turns(corpus.iloc[::-1])
    assert list(found.index) == ["test_0-2", "test_0-1", "test_0-0"]
    assert list(found) == ["train_0-2", "train_0-1", "train_0-0"]


def test_no_copies_is_an_empty_answer():
    assert copied_turns(table(train_0="a", test_0="b")).empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"of": "dev"}, "split 'dev': the table has none"),
        ({"among": "x"}, "split 'x': the table has none"),
        ({"table": table(train_0="a", test_0="b").drop(columns="turn")}, "turn: the table has no"),
        ({"table": table(train_0="a", test_0="b").assign(text=None)}, "text: 2 of 2 utterances"),
    ],
)
def test_what_cannot_be_looked_up_is_refused(change, words):
    given = {"table": table(train_0="a", test_0="b")} | change
    with pytest.raises(ProtocolError, match=words):
        copied_turns(**given)
