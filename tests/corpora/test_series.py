"""MELD and EmoryNLP from miniatures in the exact format of their published CSVs."""

import pytest

from serlib.corpora import load_corpus
from serlib.errors import CorpusError

MELD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode"
MELD += ",StartTime,EndTime"
EMORY = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode,Start_Time,End_Time"
FILES = {"meld": ("{}_sent_emo.csv", MELD), "emorynlp": ("emorynlp_{}_final.csv", EMORY)}
TIMES = {"meld": '"00:16:16,059","0:16:21,731"', "emorynlp": "00:00:02.877,00:00:07.548"}
GOOD = {
    "meld": '{n},"Well, {n}.",Ross,joy,positive,0,{n},8,21,' + TIMES["meld"],
    "emorynlp": "\"Well, {n}.\",['Ross Geller'],Joyful,1,{n},1,2," + TIMES["emorynlp"],
}


@pytest.fixture
def write(tmp_path):
    """Write a corpus: train holds the lines given, dev and test one good line each."""

    root = tmp_path / "corpus"
    root.mkdir()

    def files(name, *lines, encoding="utf-8", end="\n"):
        pattern, header = FILES[name]
        for number, split in enumerate(("train", "dev", "test")):
            # EmoryNLP's scenes are numbered throughout, so no two splits share one.
            own = lines if split == "train" else [GOOD[name].format(n=90 + number)]
            content = end.join([header, *own, ""])
            (root / pattern.format(split)).write_bytes(content.encode(encoding))
        return root

    return files


def train(corpus):
    return corpus.table[corpus.table["split"] == "train"]


def test_meld_is_read_as_published(write):
    lines = [
        '1,"So, ""Hi!""",Chandler,neutral,neutral,0,0,8,21,"00:16:16,059","00:16:21,731"',
        "3,You must\x92ve \x97 had.,The Interviewer,joy,positive,0,2,8,21," + TIMES["meld"],
        "9,He’s,All,disgust,negative,60,0,10,3," + TIMES["meld"],
    ]
    corpus = load_corpus("meld", write("meld", *lines))
    table = train(corpus)
    assert list(table.index) == ["train-dia0-utt0", "train-dia0-utt2", "train-dia60-utt0"]
    assert list(table["text"]) == ['So, "Hi!"', "You must’ve — had.", "He’s"]
    assert list(table["emotion"]) == ["neutral", "happiness", "disgust"]
    assert list(table["speaker"]) == ["Chandler", "The Interviewer", "All"]
    assert list(table["dialogue"]) == ["train-dia0", "train-dia0", "train-dia60"]
    assert list(table["turn"]) == [0, 2, 0] and table["turn"].dtype == "Int64"
    assert list(table["session"]) == ["s08_e21", "s08_e21", "s10_e03"]
    assert list(table["sentiment"]) == ["neutral", "positive", "negative"]
    assert list(corpus.table["split"]) == ["train"] * 3 + ["dev", "test"]
    assert corpus.table[["path", "start", "end"]].isna().all(axis=None)
    assert corpus.problems == () and set(corpus.table["language"]) == {"en"}


def test_emorynlp_is_read_as_published(write):
    lines = [
        "Coffee.,['Rachel Green'],Neutral,1,1,1,15," + TIMES["emorynlp"],
        '"Oh, no!","[""Rachel\'s Mom"", \'Ross Geller\']",Scared,1,4,1,15,' + TIMES["emorynlp"],
        "Yes.,['#ALL#'],Powerful,12,2,4,3," + TIMES["emorynlp"],
    ]
    corpus = load_corpus("emorynlp", write("emorynlp", *lines))
    table = train(corpus)
    assert list(table.index) == ["s01_e15_c01_u001", "s01_e15_c01_u004", "s04_e03_c12_u002"]
    assert list(table["speaker"]) == ["Rachel Green", "Rachel's Mom, Ross Geller", "#ALL#"]
    assert list(table["emotion"]) == ["neutral", "fear", "powerful"]
    assert list(table["dialogue"]) == ["s01_e15_c01", "s01_e15_c01", "s04_e03_c12"]
    assert list(table["session"]) == ["s01_e15", "s01_e15", "s04_e03"]
    assert list(table["turn"]) == [1, 4, 2] and corpus.problems == ()


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("meld", "neutral anger disgust fear joy sadness surprise"),
        ("emorynlp", "Neutral Joyful Peaceful Powerful Scared Mad Sad"),
    ],
)
def test_each_emotion_has_its_name(write, name, theirs):
    one = GOOD[name].replace("joy,", "{e},").replace("Joyful,", "{e},")
    lines = [one.format(n=n, e=emotion) for n, emotion in enumerate(theirs.split())]
    corpus = load_corpus(name, write(name, *lines))
    assert tuple(train(corpus)["emotion"]) == corpus.labels and len(corpus.labels) == 7


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("joy", "amused", "unknown emotion 'amused', there are"),
        ("8,21", "8,", "Episode '' is no whole number"),
        ("0,5,", "0,x,", "Utterance_ID 'x' is no whole number"),
        ("0,5,", "0,-1,", "Utterance_ID '-1' is no whole number"),
        ('"Well, 5."', '" "', "the utterance is empty"),
        (",8,21", "", "more or fewer cells than the header"),
        ("8,21", "8,21,1", "more or fewer cells than the header"),
        ("0,5,", "0,4,", "was there before"),
    ],
)
def test_a_bad_row_is_reported_and_the_others_stay(write, name, old, new, words):
    if name == "emorynlp":
        swap = {"joy": "Joyful", "8,21": "1,2", ",8,21": ",1,2", "0,5,": "1,5,"}
        old, new = swap.get(old, old), new.replace("8,", "1,").replace("0,", "1,")
    lines = [GOOD[name].format(n=n) for n in (4, 5, 6)]
    assert old in lines[1]
    corpus = load_corpus(name, write(name, lines[0], lines[1].replace(old, new, 1), lines[2]))
    assert list(train(corpus)["turn"]) == [4, 6]
    (problem,) = corpus.problems
    assert problem.where == FILES[name][0].format("train") + " row 3"
    assert words in problem.reason and problem.severity == "error"
    assert "left out" in problem.action


def test_a_speaker_that_is_no_list_is_reported(write):
    bad = GOOD["emorynlp"].replace("['Ross Geller']", "Ross")
    corpus = load_corpus(
        "emorynlp", write("emorynlp", bad.format(n=1), GOOD["emorynlp"].format(n=2))
    )
    (problem,) = corpus.problems
    assert "Speaker 'Ross' is no list" in str(problem) and list(train(corpus)["turn"]) == [2]


def test_a_row_may_span_lines_and_lines_may_end_as_in_windows(write):
    good = [GOOD["meld"].format(n=n) for n in (1, 2)]
    plain = load_corpus("meld", write("meld", *good)).table
    assert load_corpus("meld", write("meld", *good, end="\r\n", encoding="utf-8-sig")).table.equals(
        plain
    )
    long = GOOD["meld"].replace("Well, {n}.", "Well,\nwell.").format(n=1)
    bad = good[1].replace("joy", "glee")
    corpus = load_corpus("meld", write("meld", long, bad))
    assert train(corpus)["text"].tolist() == ["Well,\nwell."]
    assert corpus.problems[0].where == "train_sent_emo.csv row 3"


def test_a_file_that_a_spreadsheet_saved_is_read_with_a_note(write):
    line = GOOD["meld"].replace("Well", "It’s").format(n=1)
    root = write("meld", line, encoding="cp1252")
    corpus = load_corpus("meld", root, strict=True)
    assert train(corpus)["text"].tolist() == ["It’s, 1."]
    (note,) = corpus.problems
    assert note.severity == "note" and "(byte 0x92 in line 2)" in note.reason
    (root / "dev_sent_emo.csv").write_bytes(MELD.encode() + b"\n\x81\x92")
    with pytest.raises(CorpusError, match=r"neither UTF-8 nor cp1252 \(byte 0x81 in line 2\)"):
        load_corpus("meld", root)


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_not_the_corpus(write, name):
    root = write(name, GOOD[name].format(n=1))
    file = root / FILES[name][0].format("dev")
    content = file.read_text()
    file.write_text(content.replace("Emotion", "Label"))
    with pytest.raises(CorpusError, match="has no column 'Emotion', but"):
        load_corpus(name, root)
    file.write_text("")
    with pytest.raises(CorpusError, match="has no column 'Utterance', but nothing"):
        load_corpus(name, root)
    file.write_text(content + '"never closed\n')
    with pytest.raises(CorpusError, match=r"line \d+: unexpected end of data; restore it"):
        load_corpus(name, root)
    file.unlink()
    with pytest.raises(CorpusError, match=r"no file .*; give the folder that holds the CSVs"):
        load_corpus(name, root)
    file.write_text(content)
    with pytest.raises(CorpusError, match=f"did you mean {root}"):
        load_corpus(name, root.parent)
