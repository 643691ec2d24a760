"""MSP-Podcast from a miniature tree, in the layouts of its releases, odd lines included."""

import math

import pytest

from serlib.corpora import load_corpus
from serlib.errors import CorpusError
from serlib.protocols import official_split

CONSENSUS = """\
FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
MSP-PODCAST_0001_0008.wav,N,3.500000,4.0,2.6,30,Male,Test1
MSP-PODCAST_0001_0009.wav,X,3.777778,3.555556,3.777778,Unknown,Unknown,Train
MSP-PODCAST_0083_0021_0008.wav,A,6.0,2.0,5.0,12,Female,Development
MSP-PODCAST_0099_0001.wav,C,4.0,2.0,5.0,7,Female,Test2
"""
DETAIL = """\
FileName,EmoDetail
MSP-PODCAST_0001_0008.wav,"WORKER00000001; Neutral; Neutral,Other (x; y); A:3.0; V:4.0; D:2.0;"
MSP-PODCAST_0001_0008.wav,WORKER00000002; Happy; ; A:4.000000; V:4.000000; D:3.000000;
MSP-PODCAST_0001_0009.wav,WORKER00000001; Other-Curious; ; A:1.000000; V:4.000000; D:3.000000;
MSP-PODCAST_0001_0009.wav,WORKER00000003; Surprise; ; A:3.000000; V:4.000000; D:3.000000;
MSP-PODCAST_0083_0021_0008.wav,WORKER00000001; Angry; ; A:6.000000; V:2.000000; D:5.000000;
MSP-PODCAST_0099_0001.wav,WORKER00000001; Contempt; ; A:4.000000; V:2.000000; D:5.000000;
"""
COLUMNS = """\
FileName,WorkerID,EmoClass_Major,EmoClass_Second,EmoAct,EmoVal,EmoDom
MSP-PODCAST_0001_0008.wav,WORKER00000001,Neutral,"Neutral,Concerned",3,4,2
MSP-PODCAST_0001_0008.wav,WORKER00000002,Happy,Happy,4,4,3
MSP-PODCAST_0001_0009.wav,WORKER00000001,Other-Curious,,1,4,3
MSP-PODCAST_0001_0009.wav,WORKER00000003,Surprise,Surprise,3,4,3
MSP-PODCAST_0083_0021_0008.wav,WORKER00000001,Angry,Angry,6,2,5
MSP-PODCAST_0099_0001.wav,WORKER00000001,Contempt,Contempt,4,2,5
"""
NAMES = [line.partition(".")[0] for line in CONSENSUS.splitlines()[1:]]


@pytest.fixture
def root(tmp_path, clip):
    root = tmp_path / "msp_podcast"
    for folder in ("Labels", "Transcripts"):
        (root / folder).mkdir(parents=True)
    (root / "Labels/labels_consensus.csv").write_text(CONSENSUS)
    (root / "Labels/labels_detailed.csv").write_text(DETAIL)
    for name in NAMES:
        clip(root / f"Audios/{name}.wav", seconds=0.1)
        (root / f"Transcripts/{name}.txt").write_text(f"This is {name}.\n")
    return root


def load(root, **options):
    return load_corpus("msp_podcast", root, **options)


def reasons(corpus):
    return [p.reason for p in corpus.problems if p.reason != "the speaker is unknown"]


LAYOUTS = {
    "1.6": COLUMNS.replace("WorkerID", "Workers"),
    "1.12": DETAIL,
    "2.0": COLUMNS,
    "windows": DETAIL.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_column_in_every_layout(root, layout):
    (root / "Labels/labels_detailed.csv").write_bytes(LAYOUTS[layout].encode())
    corpus = load(root)
    row = corpus.table.loc["MSP-PODCAST_0001_0008"]
    assert row["path"] == "Audios/MSP-PODCAST_0001_0008.wav"
    assert row["text"] == "This is MSP-PODCAST_0001_0008." and row["language"] == "en"
    assert (row["speaker"], row["gender"], row["session"]) == ("30", "male", "0001")
    assert (row["emotion"], row["split"], row["partition"]) == ("neutral", "test", "Test1")
    assert row["votes"] == {"neutral": 1, "happiness": 1} and row["raters"] == 2
    # The means are the stated ones, the variances the raters'.
    assert (row["activation"], row["valence"], row["dominance"]) == (3.5, 4, 2.6)
    assert (row["activation_var"], row["valence_var"], row["dominance_var"]) == (0.25, 0, 0.25)
    assert reasons(corpus) == [] and corpus.audio(row.name)[0].shape == (1600,)


def test_unknown_speakers_and_no_agreement(root):
    corpus = load(root)
    row = corpus.table.loc["MSP-PODCAST_0001_0009"]
    assert row.isna()[["speaker", "gender", "emotion"]].all()
    assert row["votes"] == {"other": 1, "surprise": 1} and row["activation_var"] == 1
    assert corpus.table.loc["MSP-PODCAST_0099_0001", "emotion"] == "contempt"
    (note,) = corpus.problems
    assert note.where == "labels_consensus.csv: MSP-PODCAST_0001_0009.wav"


def test_partitions(root):
    table = load(root).table
    assert list(table["split"].fillna("none")) == ["test", "train", "dev", "none"]
    second = load(root, test="Test2").table
    assert second["split"].to_dict() == dict(zip(NAMES[1:], ["train", "dev", "test"], strict=True))
    (fold,) = official_split(load(root, test="Test1").table, labels=())
    assert (fold.train, fold.dev, fold.test) == ((NAMES[1],), (NAMES[2],), (NAMES[0],))
    with pytest.raises(CorpusError, match="no test set 'Test9'; there are Test1, Test2"):
        load(root, test="Test9")


def test_odd_ratings_are_noted_and_the_rest_counts(root):
    odd = DETAIL.replace("; Neutral; Neutral", "; Sleepy; Neutral").replace("V:4.000000", "V:9", 1)
    odd = odd.replace("A:6.000000; V:2.000000", "A:NaN; V:2.000000")
    odd += DETAIL.splitlines()[2] + "\nMSP-PODCAST_9999_0001.wav,WORKER1; Sad; ; A:1; V:1; D:1;\n"
    odd = "\n".join(line for line in odd.splitlines() if "_0099_" not in line)
    (root / "Labels/labels_detailed.csv").write_text(odd)
    corpus = load(root)
    first, third, last = (corpus.table.loc[NAMES[i]] for i in (0, 2, 3))
    assert first["votes"] == {"happiness": 1} and first["valence_var"] == 0
    assert math.isnan(third["activation_var"]) and third["activation"] == 6
    assert last.isna()[["votes", "raters", "valence_var"]].all() and last["valence"] == 2
    assert reasons(corpus) == [
        "ratings of files without a consensus",
        "a rater was there before",
        "files that no rater's line is about",
        "a rater's emotion is none of the nine",
        "a rater's activation is missing or not from 1 to 7",
        "a rater's valence is missing or not from 1 to 7",
    ]
    assert {p.severity for p in corpus.problems} == {"note"}


def test_odd_lines_of_the_consensus(root):
    odd = CONSENSUS.replace(",A,6.0,2.0", ",Q,0.0,2.0").replace(
        "_0099_0001.wav,C,4.0", "_0099_0001.wav,,"
    )
    odd += "MSP-PODCAST_0001_0008.wav,H,1,1,1,30,Male,Train\n,H,1,1,1,30,Male,Train\n"
    (root / "Labels/labels_consensus.csv").write_text(odd)
    corpus = load(root)
    table = corpus.table
    assert table.loc[NAMES[0], "emotion"] == "neutral" and len(table) == 4
    assert table.isna().loc[[NAMES[2], NAMES[3]], "emotion"].all()
    # A mean that is missing is taken from the raters.
    assert list(table.loc[[NAMES[2], NAMES[3]], "activation"]) == [6, 4]
    errors = [(p.where, p.reason) for p in corpus.problems if p.severity == "error"]
    assert errors == [
        ("labels_consensus.csv row 7", "'' is no file of audio"),
        ("labels_consensus.csv row 6", "'MSP-PODCAST_0001_0008.wav' was there before"),
    ]
    assert {"a mean is missing or not from 1 to 7", "the emotion is unknown or missing"} <= set(
        reasons(corpus)
    )


def test_missing_audio_and_texts(root, clip):
    (root / f"Audios/{NAMES[0]}.wav").unlink()
    (root / f"Audios/{NAMES[1]}.wav").unlink()
    (root / f"Audios/._{NAMES[1]}.wav").touch()
    clip(root / "Audios/MSP-PODCAST_test3_0001.wav", seconds=0.1)
    (root / f"Transcripts/{NAMES[1]}.txt").unlink()
    (root / f"Transcripts/{NAMES[2]}.txt").write_bytes("naïve".encode("latin-1"))
    corpus = load(root)
    assert list(corpus.table.index) == [NAMES[0], *NAMES[2:]]
    assert corpus.table.isna().loc[NAMES[0], "path"]
    assert corpus.table.loc[NAMES[2], "text"] == "naïve"
    (error,) = [p for p in corpus.problems if p.severity == "error"]
    assert NAMES[1] in error.where
    assert {r.partition(" (")[0] for r in reasons(corpus)} == {
        "is missing, and there is no text",
        "is not UTF-8",
        "there is no text",
        "there is no audio file",
        "audio files that are not in the table",
    }


def test_old_names_and_no_ratings(root):
    (root / "Labels/labels_detailed.csv").unlink()
    (root / "Labels/labels_consensus.csv").rename(root / "Labels/labels_concensus.csv")
    (root / "Labels").rename(root / "labels")
    (root / "Audios").rename(root / "Audio")
    (root / "Transcripts").rename(root / "aside")
    corpus = load(root, strict=True)
    assert corpus.table[["votes", "raters", "valence_var", "text"]].isna().all(axis=None)
    assert corpus.table.loc[NAMES[0], "path"] == f"Audio/{NAMES[0]}.wav"
    assert reasons(corpus) == ["is missing", "is missing"]


def test_wrong_folders_and_damaged_tables(root, tmp_path):
    with pytest.raises(CorpusError, match=f"did you mean {root}"):
        load(tmp_path)
    (root / "Labels/labels_detailed.csv").write_text("FileName,Nothing\na,b\n")
    with pytest.raises(CorpusError, match=r"labels_detailed.csv cannot be read"):
        load(root)
    (root / "Audios").rename(root / "sounds")
    (root / "Labels/labels_detailed.csv").unlink()
    with pytest.raises(CorpusError, match="no folder Audios"):
        load(root)
    (root / "Labels/labels_consensus.csv").write_text("FileName\nx.wav\n")
    with pytest.raises(CorpusError, match=r"labels_consensus.csv cannot be read"):
        load(root)
