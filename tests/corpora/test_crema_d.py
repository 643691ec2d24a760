"""CREMA-D from a miniature tree in its exact format, and the real vote tables."""

import re
from pathlib import Path

import pytest

from serlib.corpora import load_corpus
from serlib.errors import CorpusError

HEADER = '"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote"\n'
VOTES = HEADER + (
    '"100001",0,0,0,1,10,0,"1001_IEO_NEU_XX",11,0.909090909090909,"N"\n'
    '"100002",4,0,1,0,4,0,"1002_DFA_ANG_HI",9,0.444444444444444,"A:N"\n'
    '"100003",0,0,0,0,1,7,"1040_ITH_SAD_XX",8,0.875,"S"\n'
    '"200001",0,0,0,0,9,0,"1001_IEO_NEU_XX",9,1,"N"\n'
    '"300001",0,2,0,0,8,0,"1001_IEO_NEU_XX",10,0.8,"N"\n'
)
ACTORS = (
    '"ActorID","Age","Sex","Race","Ethnicity"\n'
    '1001,51,"Male","Caucasian","Not Hispanic"\n'
    '1002,21,"Female","Caucasian","Not Hispanic"\n'
    '1040,42,"Female","Asian","Not Hispanic"\n'
)


@pytest.fixture
def root(tmp_path, clip):
    root = tmp_path / "crema_d"
    (root / "processedResults").mkdir(parents=True)
    (root / "processedResults/tabulatedVotes.csv").write_text(VOTES)
    (root / "VideoDemographics.csv").write_text(ACTORS)
    for name in ("1001_IEO_NEU_XX", "1002_DFA_ANG_HI", "1040_ITH_SAD_X"):
        clip(root / f"AudioWAV/{name}.wav", seconds=0.1)
    return root


def test_every_column(root):
    corpus = load_corpus("crema_d", root)
    table, row = corpus.table, corpus.table.loc["1002_DFA_ANG_HI"]
    assert corpus.problems == () and len(table) == 3
    assert row["path"] == "AudioWAV/1002_DFA_ANG_HI.wav"
    assert (row["speaker"], row["gender"], row["age"]) == ("1002", "female", 21)
    assert row["text"] == "Don't forget a jacket." and row["language"] == "en"
    assert (row["emotion"], row["level"]) == ("anger", "high")
    assert row["votes"] == {"anger": 4, "fear": 1, "neutral": 4} and row["raters"] == 9
    assert row.isna()["perceived"] and row["agreement"] == pytest.approx(4 / 9)
    assert table.loc["1001_IEO_NEU_XX", "votes"] == {"happiness": 1, "neutral": 10}
    assert list(table["perceived"].dropna()) == ["neutral", "sadness"]
    assert list(table["level"]) == ["unspecified", "high", "unspecified"]
    assert corpus.audio("1002_DFA_ANG_HI")[0].shape == (1600,)


def test_the_recording_with_another_name_is_found(root):
    path = load_corpus("crema_d", root).path("1040_ITH_SAD_XX")
    assert path.name == "1040_ITH_SAD_X.wav" and path.is_file()


@pytest.mark.parametrize(
    ("modality", "votes"), [("face", {"neutral": 9}), ("both", {"disgust": 2, "neutral": 8})]
)
def test_votes_of_those_who_saw_the_face(root, modality, votes):
    table = load_corpus("crema_d", root, modality=modality).table
    assert table["votes"].to_dict() == {"1001_IEO_NEU_XX": votes}


def test_without_audio_there_are_votes_and_one_note(root):
    for file in (root / "AudioWAV").iterdir():
        file.unlink()
    (root / "AudioWAV").rmdir()
    corpus = load_corpus("crema_d", root, strict=True)
    assert corpus.table["path"].isna().all() and len(corpus.table) == 3
    (note,) = corpus.problems
    assert note.severity == "note" and "without audio" in note.action


def test_pointers_missing_and_stray_recordings(root, clip):
    pointer = root / "AudioWAV/1002_DFA_ANG_HI.wav"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    (root / "AudioWAV/1001_IEO_NEU_XX.wav").unlink()
    (root / "AudioWAV/._1001_IEO_NEU_XX.wav").touch()
    clip(root / "AudioWAV/1003_IEO_NEU_XX.wav", seconds=0.1)
    corpus = load_corpus("crema_d", root)
    assert list(corpus.table["path"].dropna()) == ["AudioWAV/1040_ITH_SAD_X.wav"]
    assert [(p.where, p.severity) for p in corpus.problems] == [
        ("AudioWAV", "note"),
        ("1001_IEO_NEU_XX", "note"),
        ("AudioWAV/1003_IEO_NEU_XX.wav", "error"),
    ]
    assert "git lfs pull" in corpus.problems[0].action


def test_odd_rows_are_reported_and_the_rest_counts(root):
    odd = (
        '"100004",0,0,x,0,1,7,"1003_IEO_NEU_XX",8,1,"S"\n'
        '"100005",0,0,0,0,-1,7,"1004_IEO_NEU_XX",6,1,"S"\n'
        '"100006",0,0,0,0,1,7,"1001_IEO_NEU_XX",8,1,"S"\n'
        '"100007",0,0,0,0,1,7,"1001_ABC_NEU_XX",8,1,"S"\n'
        '"100008",0,0,0,0,1,7,"1009_IEO_NEU_XX",9,1,"S"\n'
        '"100009",0,0,0,0,1,7,,9,1,"S"\n'
    )
    # Nothing but the tables, in one folder and with Windows' line ends.
    (root / "tabulatedVotes.csv").write_bytes((VOTES + odd).replace("\n", "\r\n").encode())
    corpus = load_corpus("crema_d", root)
    assert list(corpus.table.index) == [
        "1001_IEO_NEU_XX",
        "1002_DFA_ANG_HI",
        "1040_ITH_SAD_XX",
        "1009_IEO_NEU_XX",
    ]
    assert corpus.table.loc["1009_IEO_NEU_XX", "raters"] == 8
    assert corpus.table.loc["1009_IEO_NEU_XX", ["gender", "age"]].isna().all()
    errors = [p.where for p in corpus.problems if p.severity == "error"]
    assert errors == [
        "tabulatedVotes.csv row 100004 (1003_IEO_NEU_XX)",
        "tabulatedVotes.csv row 100005 (1004_IEO_NEU_XX)",
        "tabulatedVotes.csv row 100009 (nan)",
        "tabulatedVotes.csv row 100006 (1001_IEO_NEU_XX)",
        "1001_ABC_NEU_XX",
    ]
    notes = [p.reason for p in corpus.problems if p.severity == "note"]
    assert notes == [
        "numResponses is not the sum of its votes",
        "has no recording in AudioWAV",
        "its sex or age is not in VideoDemographics.csv",
    ]


def test_without_the_actors_table(root):
    (root / "VideoDemographics.csv").unlink()
    corpus = load_corpus("crema_d", root)
    assert corpus.table[["gender", "age"]].isna().all(axis=None)
    assert corpus.problems[0].where == "VideoDemographics.csv"


def test_wrong_folders_options_and_tables(root, tmp_path):
    with pytest.raises(CorpusError, match=f"did you mean {root}"):
        load_corpus("crema_d", tmp_path)
    with pytest.raises(CorpusError, match="no modality 'audio'; there are voice, face, both"):
        load_corpus("crema_d", root, modality="audio")
    (root / "processedResults/tabulatedVotes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CorpusError, match="cannot be read"):
        load_corpus("crema_d", root)


@pytest.mark.real
@pytest.mark.parametrize(
    ("modality", "votes", "ties"),
    [("voice", 68568, 644), ("face", 71654, 470), ("both", 71778, 420)],
)
def test_the_real_votes(real_root, modality, votes, ties):
    corpus = load_corpus("crema_d", real_root / "corpora/crema_d", modality=modality)
    table = corpus.table
    assert len(table) == 7442 and table["speaker"].nunique() == 91
    counts = table["emotion"].value_counts()
    assert counts["neutral"] == 1087 and set(counts.drop("neutral")) == {1271}
    assert table["raters"].sum() == votes == sum(sum(v.values()) for v in table["votes"])
    assert table["perceived"].isna().sum() == ties
    assert table.drop_duplicates("speaker")["gender"].value_counts().to_dict() == {
        "male": 48,
        "female": 43,
    }
    assert (table["age"].min(), table["age"].max()) == (20, 74)
    assert all(p.severity == "note" for p in corpus.problems)


@pytest.mark.real
def test_the_real_majorities_are_those_of_the_summary(real_root):
    import pandas as pd

    root = real_root / "corpora/crema_d"
    summary = pd.read_csv(root / "summaryTable.csv").set_index("FileName")
    columns = {"voice": "VoiceVote", "face": "FaceVote", "both": "MultiModalVote"}
    for modality, column in columns.items():
        table = load_corpus("crema_d", root, modality=modality).table
        theirs = summary.loc[table.index, column]
        ours = table["perceived"].str[0].str.upper()
        tied = theirs.str.contains(":")
        assert ours.isna().equals(tied) and ours[~tied].equals(theirs[~tied])


@pytest.mark.real
def test_the_datasheet_tells_what_is_in_the_tables(real_root):
    sheet = (Path(__file__).parents[2] / "book/datasheets/crema_d.md").read_text()
    rows = re.findall(r"^\| (\w+) \| [A-Z]{3} \| (\d+) \|$", sheet, re.MULTILINE)
    shares = r"^\| (?:heard the|saw the|had) (\w+) \| ([\d ]+) \| (\d+) % \| (\d+) % \| (\d+) clips"
    shares = {row[0]: row[1:] for row in re.findall(shares, sheet, re.MULTILINE)}
    assert set(shares) == {"voice", "face", "both"}
    for modality, stated in shares.items():
        table = load_corpus("crema_d", real_root / "corpora/crema_d", modality=modality).table
        pairs = zip(table["votes"], table["emotion"], strict=True)
        hits = sum(votes.get(emotion, 0) for votes, emotion in pairs)
        total = table["raters"].sum()
        majority = (table["perceived"] == table["emotion"]).mean()
        assert stated[0].replace(" ", "") == str(total)
        assert stated[1:3] == (f"{100 * hits / total:.0f}", f"{100 * majority:.0f}")
        assert stated[3] == str(table["perceived"].isna().sum())
        assert {e: int(n) for e, n in rows} == table["emotion"].value_counts().to_dict()
        if modality == "voice":
            assert (table["perceived"] == "neutral").mean() > 0.5
            assert (table.groupby("speaker").size() == 82).mean() > 0.9
            levels = table[table["level"] != "unspecified"]
            assert set(levels["text"]) == {"It's eleven o'clock."}
