"""One's own corpus: what is read, and what each mistake is told."""

import os

import pandas as pd
import pytest

from serlib.corpora import load_corpus
from serlib.errors import CorpusError

HEAD = "path,speaker,emotion\n"
GOOD = "wav/a.wav,s1,anger\n"


def errors(corpus):
    return [str(p) for p in corpus.problems if p.severity == "error"]


def test_a_plain_table(table_root):
    root = table_root(HEAD + GOOD + "wav/b.wav,007,neutral\n")
    corpus = load_corpus("table", root)
    assert corpus.problems == () and corpus.labels == ("anger", "neutral")
    assert list(corpus.table.index) == ["a", "b"] and list(corpus.table["speaker"]) == ["s1", "007"]
    assert corpus.audio("b")[0].shape == (17600,) and corpus.name == root.name


def test_columns_emotions_and_audio_folder_are_mapped(table_root):
    root = table_root("file;Who;Label;age\na.wav;s1;hap;30\nb.wav;s2;ANGER ;31\n")
    columns = {"file": "path", "Who": "speaker", "Label": "emotion"}
    corpus = load_corpus(
        "table", root, columns=columns, emotions={"hap": "happiness"}, audio="wav", strict=True
    )
    assert list(corpus.table["emotion"]) == ["happiness", "anger"]
    assert list(corpus.table["path"]) == ["wav/a.wav", "wav/b.wav"]
    assert list(corpus.table["age"]) == ["30", "31"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_ways_programs_write_csv(table_root, encoding, separator):
    text = (HEAD + "wav\\a.wav,Zoë,anger\n").replace(",", separator).replace("\n", "\r\n")
    table = load_corpus("table", table_root(text, encoding=encoding), strict=True).table
    assert table.loc["a", "speaker"] == "Zoë" and table.loc["a", "path"] == "wav/a.wav"


def test_parquet_keeps_its_types_and_index(table_root, tmp_path):
    frame = pd.DataFrame(
        {
            "path": ["wav/a.wav", "wav/a.wav"],
            "speaker": [1, 2],
            "emotion": pd.Categorical(["anger", "fear"]),
            "start": [0.0, 0.5],
            "end": [0.5, None],
            "votes": [{"anger": 2, "fear": None}, {"anger": 1, "fear": 2}],
        },
        index=pd.Index(["u1", "u2"], name="utterance"),
    )
    frame.to_parquet(tmp_path / "labels.parquet")
    corpus = load_corpus("table", tmp_path, strict=True)
    assert list(corpus.table.index) == ["u1", "u2"] and corpus.audio("u2")[0].shape == (8000,)
    assert list(corpus.table["speaker"]) == ["1", "2"]
    assert corpus.table.loc["u1", "votes"] == {"anger": 2}


def test_everything_the_schema_knows_can_be_given(table_root):
    root = table_root(
        "path,speaker,emotion,utterance,start,end,gender,split,language,votes,valence,turn\n"
        'wav/a.wav,s1,anger,u1,0.25,0.5,F,validation,EN,"{""anger"": 2}",-0.5,3\n'
    )
    row = load_corpus("table", root, strict=True).table.loc["u1"]
    assert (row["start"], row["end"], row["valence"], row["turn"]) == (0.25, 0.5, -0.5, 3)
    assert (row["gender"], row["split"], row["language"]) == ("female", "dev", "en")
    assert row["votes"] == {"anger": 2}


def test_text_without_audio_and_labels_without_emotion(table_root):
    root = table_root("utterance,text,speaker,valence\n1,hello,s1,0.5\n")
    corpus = load_corpus("table", root, strict=True)
    assert corpus.table.loc["1", "text"] == "hello" and corpus.labels == ()


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (HEAD, "wav/b.wav,s1,angry", "emotion 'angry' is unknown; map it with emotions={'angry': "),
        (HEAD, "wav/b.wav,,anger", "has no speaker"),
        (HEAD, ",s1,anger", "has no path"),
        ("path,speaker,emotion,utterance\n", ",s1,anger,u2", "neither path nor text"),
        (HEAD, "wav/zz.wav,s1,anger", "no audio file 'wav/zz.wav'"),
        (HEAD, "wav,s1,anger", "no audio file 'wav'"),
        (HEAD, f"{'long ' * 80},s1,anger", "no audio file"),
        (HEAD, "../b.wav,s1,anger", "path '../b.wav' leaves its folder"),
        (HEAD, "wav/../../b.wav,s1,anger", "leaves its folder"),
        (HEAD, "..\\b.wav,s1,anger", "leaves its folder"),
        (HEAD, "/etc/passwd,s1,anger", "leaves its folder"),
        (HEAD, "out.wav,s1,anger", "leaves its folder"),
        (HEAD, "x/a.wav,s1,anger", "utterance 'a' was there before"),
        ("path,speaker,emotion,start\n", 'wav/b.wav,s1,anger,"0,5"', "start '0,5' is no number"),
        ("path,speaker,emotion,start\n", "wav/b.wav,s1,anger,-1", "start -1.0 lies before"),
        ("path,speaker,emotion,end\n", "wav/b.wav,s1,anger,inf", "end 'inf' is no number"),
        ("path,speaker,emotion,end\n", "wav/b.wav,s1,anger,0", "end 0.0 is not after start"),
        ("path,speaker,emotion,start,end\n", "wav/b.wav,s1,anger,2,1", "end 1.0 is not after"),
        ("path,speaker,emotion,turn\n", "wav/b.wav,s1,anger,1.5", "turn '1.5' is no whole number"),
        ("path,speaker,emotion,split\n", "wav/b.wav,s1,anger,all", "split 'all' is unknown"),
        ("path,speaker,emotion,votes\n", "wav/b.wav,s1,anger,[1]", "votes '[1]' are no counts"),
        ("path,speaker,emotion,utterance\n", "wav/b.wav,s1,anger,", "has no utterance"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_goes_on(table_root, tmp_path, header, row, expected):
    (tmp_path / "out.wav").symlink_to("/etc/hostname")
    more = header.count(",") - HEAD.count(",")
    fill = "u1" if "utterance" in header else ""
    good = GOOD.strip() + f",{fill}" * (more > 0) + "," * max(0, more - 1)
    root = table_root(f"{header}{good}\n{row}\n")
    corpus = load_corpus("table", root)
    (line,) = errors(corpus)
    assert line.startswith("labels.csv row 3: ") and expected in line and "\n" not in line
    assert len(corpus.table) == 1
    with pytest.raises(CorpusError, match=r"labels.csv row 3: .*strict"):
        load_corpus("table", root, strict=True)


def test_every_row_with_an_unknown_emotion_is_listed_and_all_emotions_are_offered(table_root):
    rows = "wav/b.wav,s1,hap\nwav/c.wav,s1,fea\nwav/d.wav,s2,hap\n"
    lines = errors(load_corpus("table", table_root(HEAD + GOOD + rows)))
    assert [line[:17] for line in lines] == [f"labels.csv row {n}:" for n in (3, 4, 5)]
    assert "-o emotions.hap=happiness" in lines[0] and "emotions={'fea': 'fear'}" in lines[1]
    assert "contempt, disgust, excitement" in lines[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path,emotion\nwav/a.wav,anger\n", "no column speaker; there are path, emotion; name"),
        ("file,speaker,emotion\nwav/a.wav,1,anger\n", "no column path or text"),
        ("path,speaker,Emotion\nwav/a.wav,1,anger\n", "no column emotion or activation"),
        ("text,speaker,emotion\nhi,1,anger\n", "no column utterance"),
        ("path,speaker,emotion,emotion.1,path\nwav/a.wav,1,anger,2,3\n", None),
        (HEAD, "the table has no rows"),
        ("", "cannot be read"),
        (HEAD + "wav/a.wav,1,anger,4\n", "more cells than the header"),
        (HEAD + GOOD + "wav/a.wav,1,anger,4\n", "line 3, saw 4"),
        (HEAD + '"wav/a.wav,1,anger\n', "cannot be read"),
        (HEAD + "wav/a.wav,1,joy\n", "1 left out, first: labels.csv row 2: emotion 'joy'"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(table_root, text, expected):
    root = table_root(text)
    if expected is None:  # A doubled column's second name is not ours, so it is kept beside.
        assert "path.1" in load_corpus("table", root).table
        return
    with pytest.raises(CorpusError) as caught:
        load_corpus("table", root)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_latin_1_is_refused_with_the_place(table_root):
    with pytest.raises(CorpusError, match=r"not UTF-8 \(byte 0xeb at 33\); save it as CSV UTF-8"):
        load_corpus("table", table_root(HEAD + "wav/a.wav,Zoë,anger\n", encoding="latin-1"))


def test_a_broken_parquet(table_root):
    with pytest.raises(CorpusError, match=r"labels.parquet: cannot be read"):
        load_corpus("table", table_root("no parquet", "labels.parquet"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"columns": {"file": "path"}}, "no column 'file' to call 'path'; there are path, speaker"),
        ({"columns": {"path": "audio"}}, "no name 'audio' to give 'path'; use utterance, path"),
        ({"columns": {"speaker": "path"}}, "two columns are called 'path'"),
        ({"columns": "path"}, "columns='path' must map"),
        ({"emotions": {"hap": "joy"}}, "'hap' to 'joy', which is not one of anger"),
        ({"emotions": 3}, "emotions=3 must map"),
        ({"audio": "clips"}, "no folder 'clips' inside"),
        ({"audio": ".."}, "no folder '..' inside"),
        ({"table": "other.csv"}, "no file"),
        ({"table": "../labels.csv"}, "leaves the folder"),
        ({"table": "wav/a.wav"}, "not a .csv, .tsv, .parquet file"),
        ({"colums": {}}, "no option 'colums'; it takes table, columns, emotions, audio"),
    ],
)
def test_wrong_options_say_what_there_is(table_root, options, expected):
    with pytest.raises(CorpusError) as caught:
        load_corpus("table", table_root(HEAD + GOOD), **options)
    assert expected in str(caught.value)


def test_the_table_is_found_if_it_is_the_only_one(table_root, tmp_path):
    with pytest.raises(CorpusError, match="no CSV or Parquet file"):
        load_corpus("table", tmp_path)
    table_root(HEAD + GOOD, "a.csv")
    assert len(load_corpus("table", tmp_path).table) == 1
    table_root(HEAD + GOOD, "b.csv")
    with pytest.raises(CorpusError, match=r"2 tables \(a.csv, b.csv\); choose one"):
        load_corpus("table", tmp_path)
    assert len(load_corpus("table", tmp_path, table="b.csv").table) == 1


def test_paths_may_not_leave_the_audio_folder_even_inside_the_root(table_root, clip, tmp_path):
    clip(tmp_path / "secret.wav")
    root = table_root(HEAD + "a.wav,s1,anger\n../secret.wav,s1,anger\n")
    (line,) = errors(load_corpus("table", root, audio="wav"))
    assert "row 3" in line and "leaves its folder" in line


def test_gender_and_language_we_do_not_know_are_na_with_a_note(table_root):
    root = table_root("path,speaker,emotion,gender,language\nwav/a.wav,s1,,unknown,english\n")
    corpus = load_corpus("table", root, strict=True)
    assert corpus.table.loc["a", ["gender", "language", "emotion"]].isna().all()
    assert [p.severity for p in corpus.problems] == ["note"] * 3
    assert os.fspath(root) not in str(corpus.problems[0])
