"""DailyDialog from a miniature in its exact format, and the real one."""

import itertools
import json
from pathlib import Path

import pandas as pd
import pytest

from serlib.cli import main
from serlib.corpora import load_corpus
from serlib.errors import CorpusError
from serlib.protocols import copied_turns

BOOK = Path(__file__).parents[2] / "book"
FOLDERS = {"train": "train", "validation": "dev", "test": "test"}


@pytest.fixture
def write(tmp_path):
    """Write the corpus; each split has these lines, and the train split those given."""

    def files(texts=(b"Hi ! __eou__ No . __eou__",), labels=(b"0 1 ",), folder="train"):
        for name in FOLDERS:
            own = (texts, labels) if name == folder else ([b"Ah ? __eou__"], [b"6 "])
            (tmp_path / name).mkdir(exist_ok=True)
            for kind, lines in zip(("", "emotion_"), own, strict=True):
                content = b"".join(line + b"\n" for line in lines)
                (tmp_path / name / f"dialogues_{kind}{name}.txt").write_bytes(content)
        return tmp_path

    return files


def load(root):
    return load_corpus("dailydialog", root)


def test_a_turn_is_a_row(write):
    texts = ["Hi , Jim ’ s ! __eou__ No . __eou__ Oh ! __eou__ ", "Fine . __eou__ So ? __eou__"]
    corpus = load(write([text.encode() for text in texts], [b"0 1 6 ", b"4 5 "]))
    table = corpus.table
    ids = ["train-00000-00", "train-00000-01", "train-00000-02", "train-00001-00", "train-00001-01"]
    assert list(table.index) == [*ids, "dev-00000-00", "test-00000-00"]
    assert table.loc[ids[0], "text"] == "Hi , Jim ’ s !" and table.loc[ids[4], "text"] == "So ?"
    own = ["neutral", "anger", "surprise", "happiness", "sadness"]
    assert list(table["emotion"]) == [*own, "surprise", "surprise"]
    assert list(table["turn"]) == [0, 1, 2, 0, 1, 0, 0] and table["turn"].dtype == "Int64"
    assert list(table["role"]) == list("ABAABAA")
    assert list(table["dialogue"][:4]) == ["train-00000"] * 3 + ["train-00001"]
    assert list(table["split"]) == ["train"] * 5 + ["dev", "test"]
    assert set(table["language"]) == {"en"}
    assert table[["path", "speaker"]].isna().all(axis=None)
    assert corpus.problems == () and corpus.licence == "CC BY-NC-SA 4.0"


def test_each_digit_has_its_emotion(write):
    table = load(write([b"x __eou__ " * 7], [b"0 1 2 3 4 5 6 "])).table
    expected = ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise"]
    assert list(table["emotion"][:7]) == expected


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        (b"a __eou__ b __eou__", b"0", "emotion_train.txt line 2 (index 1): 1 labels for 2 turns"),
        (b"a __eou__", b"0 0", "emotion_train.txt line 2 (index 1): 2 labels for 1 turns"),
        (b"a __eou__", b"", "emotion_train.txt line 2 (index 1): 0 labels for 1 turns"),
        (
            b"a __eou__ b __eou__",
            b"0 7",
            "emotion_train.txt line 2 (index 1): unknown label '7' at",
        ),
        (b"a __eou__", b"joy", "emotion_train.txt line 2 (index 1): unknown label 'joy' at turn 0"),
        (b"", b"", "train/dialogues_train.txt line 2 (index 1): there is no turn"),
        (b"caf\xe9 __eou__", b"0", "line 2 (index 1): is not UTF-8 (byte 0xe9 at column 4)"),
        (b"a __eou__", b"\xff", "emotion_train.txt line 2 (index 1): is not UTF-8 (byte 0xff"),
    ],
)
def test_a_bad_line_is_reported_and_the_others_stay(write, text, label, words):
    good, fine = b"Hi . __eou__", b"4"
    root = write([good, text, good], [fine, label, fine])
    corpus = load(root)
    (problem,) = corpus.problems
    assert words in str(problem) and problem.severity == "error"
    assert "the line is left out" in problem.action and "\n" not in str(problem)
    # The lines after it keep their own numbers.
    assert list(corpus.table.index[:2]) == ["train-00000-00", "train-00002-00"]
    with pytest.raises(CorpusError, match="strict is on"):
        load_corpus("dailydialog", root, strict=True)


def test_an_empty_turn_is_left_out_and_the_others_keep_number_role_and_label(write):
    corpus = load(write([b"a __eou__  __eou__ c __eou__ d __eou__"], [b"1 2 3 4"]))
    table = corpus.table[corpus.table["split"] == "train"]
    assert list(table["text"]) == ["a", "c", "d"] and list(table["turn"]) == [0, 2, 3]
    assert list(table["emotion"]) == ["anger", "fear", "happiness"]
    assert list(table["role"]) == ["A", "A", "B"]
    (problem,) = corpus.problems
    assert str(problem).startswith(
        "train/dialogues_train.txt line 1 (index 0), turn 1: the turn is"
    )
    assert problem.severity == "error"


def test_one_turn_and_two_hundred(write):
    texts = [b"alone __eou__", b" ".join(b"t%d __eou__" % i for i in range(200))]
    table = load(write(texts, [b"0", b"0 " * 200])).table
    sizes = table.groupby("dialogue").size()
    assert sizes["train-00000"] == 1 and sizes["train-00001"] == 200
    assert table.loc["train-00001-199", "text"] == "t199"
    assert list(table.loc[table["dialogue"] == "train-00001", "turn"]) == list(range(200))


def test_line_ends_marks_and_blank_last_lines_change_nothing(write):
    plain = load(write([b"a __eou__ b __eou__", b"c __eou__"], [b"0 1", b"2"])).table
    texts = [b"\xef\xbb\xbfa __eou__ b\r", b"c __eou__ \r", b"\r", b""]
    assert load(write(texts, [b"0 1\r", b"2", b""])).table.equals(plain)


def test_a_line_separator_inside_a_turn_makes_no_line(write):
    text = "a\u2028b\x0bc __eou__".encode()
    assert load(write([text], [b"0"])).table["text"].iloc[0] == "a\u2028b\x0bc"


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_of_unequal_length_are_refused(write, folder):
    root = write([b"a __eou__", b"b __eou__"], [b"0"], folder)
    with pytest.raises(CorpusError) as caught:
        load(root)
    line = str(caught.value)
    assert f"{folder}/dialogues_{folder}.txt has 2 lines" in line and "has 1" in line


def test_a_missing_split_is_refused_with_what_to_do(write):
    root = write()
    (root / "test/dialogues_emotion_test.txt").unlink()
    with pytest.raises(CorpusError, match=r"no file .*emotion_test.txt; give the folder"):
        load(root)
    (root / "test.zip").touch()
    with pytest.raises(CorpusError, match=r"unpack .*test.zip there"):
        load(root)
    with pytest.raises(CorpusError, match=rf"did you mean {root}\?"):
        load(root / "train")


def test_nothing_left_names_the_first_cause(write, tmp_path):
    root = write()
    for name in FOLDERS:
        (root / name / f"dialogues_emotion_{name}.txt").write_bytes(b"9\n")
    with pytest.raises(CorpusError, match=r"no utterance found .*3 left out, first: train/dial"):
        load(root)


@pytest.mark.real
def test_the_real_corpus(real_root):
    corpus = load(real_root / "corpora/dailydialog")
    table = corpus.table
    (problem,) = corpus.problems
    assert "line 7852 (index 7851): 11 labels for 12 turns" in str(problem)
    assert len(table) == 102_968 and table["dialogue"].nunique() == 13_117
    assert dict(table.groupby("split").size()) == {"train": 87_159, "dev": 8_069, "test": 7_740}
    test = table[table["split"] == "test"]["emotion"].value_counts()
    expected = {"neutral": 6321, "happiness": 1019, "anger": 118, "surprise": 116}
    assert dict(test) == expected | {"sadness": 102, "disgust": 47, "fear": 17}
    assert "train-07851" not in set(table["dialogue"]) and "train-11117" in set(table["dialogue"])
    assert table.groupby("dialogue").size().agg(["min", "max"]).tolist() == [2, 35]


def test_a_check_of_text_counts_dialogues_and_no_minutes(write, capsys):
    root = write([b"a __eou__ b __eou__", b"c __eou__ d __eou__"], [b"0 1", b"0"])
    assert main(["corpora", "check", "dailydialog", "--root", str(root)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("dailydialog: 4 utterances, 3 dialogues\n")
    assert "surprise 2" in out and "left out: 1; notes: 0" in out
    assert "error: train/dialogues_emotion_train.txt line 2 (index 1): 1 labels for 2" in out


def record(name):
    return json.loads((BOOK / f"results/dailydialog/{name}.json").read_text())["values"]


def sheet_rows(first):
    """The rows of a sheet's table whose header begins with this."""
    lines = (BOOK / "datasheets/dailydialog.md").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |")) + 2
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_sheet_prints_the_recorded_copies():
    names = ("test-in-train", "dev-in-train", "test-in-dev", "train-in-train")
    files = [*(f"copies-of-{name}" for name in names), "copies-in-the-corpus"]
    for (dialogues, of, _, turns, alike, micro), name in zip(
        sheet_rows("dialogues"), files, strict=True
    ):
        values = record(name)
        printed = [int(x) for x in (dialogues, of.split()[0], turns, alike)]
        keys = ["copied_dialogues", "dialogues", "copied_turns", "labelled_alike_throughout"]
        assert printed == [values[key] for key in keys]
        low, high = (values[f"micro_f1_without_neutral_{end}"] for end in ("low", "high"))
        assert micro == f"{values['micro_f1_without_neutral']:.3f} [{low:.3f}, {high:.3f}]"


def test_the_sheet_prints_the_recorded_known_turns():
    known = record("test-turns-known-from-train")
    line = (
        f"Of the {known['turns']} test turns, {known['known']} occur in train word for word, among "
        f"them {known['known_of_five_words_or_more']} of the {known['of_five_words_or_more']} that"
    )
    assert line in (BOOK / "datasheets/dailydialog.md").read_text()


@pytest.mark.real
def test_the_sheet_counts_the_real_corpus(real_root):
    table = load(real_root / "corpora/dailydialog").table
    counts = pd.crosstab(table["emotion"], table["split"])[["train", "dev", "test"]]
    rows = {row[0]: [int(cell) for cell in row[2:]] for row in sheet_rows("emotion")}
    assert rows == {label: [*own, sum(own)] for label, own in counts.T.to_dict("list").items()}
    emotional = (table["emotion"] != "neutral").groupby(table["split"]).mean()
    assert (round(emotional["dev"], 2), round(emotional["test"], 2)) == (0.12, 0.18)
    assert round((table["emotion"] == "neutral").mean(), 2) == 0.83
    some = (table["emotion"] != "neutral").groupby(table["dialogue"]).any().mean()
    assert 0.45 < 1 - some < 0.5
    assert (
        len(table) == 102_968
        and f"| {len(table)} |" in (BOOK / "datasheets/dailydialog.md").read_text()
    )


@pytest.mark.real
def test_the_recorded_copies_are_those_of_the_real_corpus(real_root):
    table = load(real_root / "corpora/dailydialog").table
    pairs, values = copied_turns(table), record("copies-of-test-in-train")
    assert len(pairs) == values["copied_turns"] == 1003
    assert table.loc[pairs.index, "dialogue"].nunique() == values["copied_dialogues"] == 135
    same = table.loc[pairs.index, "emotion"].to_numpy() == table.loc[pairs, "emotion"].to_numpy()
    assert same.mean() == pytest.approx(values["agreement"], abs=1e-6)
