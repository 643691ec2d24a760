"""MSP-IMPROV from a miniature tree in its exact format, odd lines included."""

import math

import pytest

from serlib.corpora import load_corpus
from serlib.errors import CorpusError

# The consensus line has a blank before the semicolon after D, the raters' lines have none.
EVALUATIONS = """\
UTD-IMPROV-S01A-F01-S-MF02.avi; N; A:4.000000; V:3.000000; D:3.500000 ; N:4.500000;
A2QUM40J-p4; Neutral; Neutral; A:5.000000; V:3.000000; D:3.000000; N:5.000000;
worker_7-p4; Happy; Happy,Other (amused; calm); A:3.000000; V:3.000000; D:4.000000; N:4.000000;

UTD-IMPROV-S01A-F01-T-FM01.avi; A; A:2.000000; V:1.500000; D:NaN ; N:NaN;
A2QUM40J-p4; Angry; Angry,Frustrated; A:2.000000; V:1.000000; D:NaN; N:NaN;
A9-p1; Angry; Angry; A:2.000000; V:2.000000; D:NaN; N:NaN;

UTD-IMPROV-S20S-M06-R-MM01.avi; X; A:3.000000; V:2.000000; D:3.000000 ; N:3.000000;
A1-p1; Sad; Sad; A:3.000000; V:2.000000; D:3.000000; N:3.000000;
A2-p1; Other; Depressed; A:3.000000; V:2.000000; D:3.000000; N:3.000000;

UTD-IMPROV-S02H-M03-P-FM11.avi; H; A:1.000000; V:5.000000; D:3.000000 ; N:3.000000;
A1-p1; Happy; Happy; A:1.000000; V:5.000000; D:3.000000; N:3.000000;

"""
NAMES = ["S01A-F01-S-MF02", "S01A-F01-T-FM01", "S20S-M06-R-MM01", "S02H-M03-P-FM11"]


@pytest.fixture
def root(tmp_path, clip):
    root = tmp_path / "msp_improv"
    for name in NAMES:
        scene, target, condition = name.split("-")[:3]
        folder = f"Audio/session{target[-1]}/{scene}/{condition}"
        clip(root / folder / f"MSP-IMPROV-{name}.wav", seconds=0.1)
        text = root / f"All_human_transcriptions/MSP-IMPROV-{name}.txt"
        text.parent.mkdir(exist_ok=True)
        text.write_text(f"This is\n{name}. \n")
    (root / "Evalution.txt").write_text(EVALUATIONS)
    return root


def load(root, **options):
    return load_corpus("msp_improv", root, **options)


def test_every_column_of_the_partners_turn(root):
    corpus = load(root)
    row = corpus.table.loc["MSP-IMPROV-S01A-F01-S-MF02"]
    assert row["path"] == "Audio/session1/S01A/S/MSP-IMPROV-S01A-F01-S-MF02.wav"
    assert row["text"] == "This is S01A-F01-S-MF02."
    # The scene is written for F01; in this turn her partner talks.
    assert (row["speaker"], row["gender"], row["target_speaker"]) == ("M01", "male", "F01")
    assert (row["session"], row["dialogue"], row["number"]) == ("session1", "S01A-F01-S", 2)
    assert row.isna()["turn"] and row["language"] == "en" and row["sentence"] == "01"
    assert (row["condition"], row["intended"], row["emotion"]) == ("improvised", "anger", "neutral")
    assert row["votes"] == {"neutral": 1, "happiness": 1} and row["raters"] == 2
    # In the file 1 is the most active: 5 and 3 are 1 and 3 on a scale that counts upwards.
    assert (row["activation"], row["activation_var"]) == (2, 1)
    assert (row["valence"], row["dominance"]) == (3, 3.5)
    assert (row["valence_var"], row["dominance_var"], row["naturalness"]) == (0, 0.25, 4.5)
    assert corpus.audio(row.name)[0].shape == (1600,)


def test_the_target_sentence_and_grades_that_nobody_gave(root):
    corpus = load(root)
    row = corpus.table.loc["MSP-IMPROV-S01A-F01-T-FM01"]
    assert (row["speaker"], row["condition"], row["dialogue"]) == ("F01", "target", "S01A-F01-S")
    assert (row["emotion"], row["votes"]) == ("anger", {"anger": 2})
    assert row["activation"] == 4 and row["valence_var"] == 0.25
    assert math.isnan(row["dominance"]) and math.isnan(row["naturalness"])
    assert [(p.reason, p.severity) for p in corpus.problems] == [
        ("some raters left dominance out", "note")
    ]


def test_no_agreement_read_and_natural_turns(root):
    table = load(root).table
    row = table.loc["MSP-IMPROV-S20S-M06-R-MM01"]
    assert row.isna()["emotion"] and row["votes"] == {"sadness": 1, "other": 1}
    assert (row["condition"], row["speaker"]) == ("read", "M06")
    row = table.loc["MSP-IMPROV-S02H-M03-P-FM11"]
    assert (row["condition"], row["speaker"], row["number"]) == ("natural", "F03", 11)
    assert (row["dialogue"], row["activation"]) == ("S02H-M03-P", 5)


def test_the_speaker_as_published_code_has_it(root):
    table = load(root, speakers="scene").table
    assert list(table["speaker"]) == ["F01", "F01", "M06", "M03"]
    assert list(table["gender"]) == ["female", "female", "male", "male"]


@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_the_other_spelling_and_places(root, line):
    (root / "Evalution.txt").unlink()
    (root / "Evaluation.txt").write_bytes(EVALUATIONS.replace("\n", line).encode())
    for folder in (root / "Audio").iterdir():
        folder.rename(root / folder.name)
    texts = root / "Human_transcriptions/All_human_transcriptions"
    texts.parent.mkdir()
    (root / "All_human_transcriptions").rename(texts)
    corpus = load(root)
    assert corpus.table["path"].str.startswith("session").all() and len(corpus.table) == 4
    assert corpus.table["text"].notna().all()


def test_odd_lines_are_reported_and_the_rest_counts(root):
    odd = EVALUATIONS.replace("A2QUM40J-p4; Neutral; Neutral;", "A2QUM40J-p4; Bored; Bored;")
    odd = odd.replace(
        "A9-p1; Angry; Angry; A:2.000000; V:2.000000;",
        "A9-p1; Angry; Angry; A:0.000000; V:x;",
    )
    copied = "A1-p1; Happy; Happy; A:1.000000; V:5.000000; D:3.000000; N:3.000000;\n"
    odd = copied + odd.rstrip("\n") + f"\n{copied}what?\n\n"
    odd += "UTD-IMPROV-S99Z-F09-S-FM01.avi; N; A:3; V:3; D:3; N:3;\n\n"
    odd += "UTD-IMPROV-S01A-F01-S-MF02.avi; N; A:3; V:3; D:3; N:3;\n\n"
    odd += "UTD-IMPROV-S03N-F02-S-FM01.avi; N; A:3; V:3; D:3; N:3;\n"
    (root / "Evalution.txt").write_text(odd)
    corpus = load(root)
    table = corpus.table
    assert len(table) == 4 and table.loc["MSP-IMPROV-S02H-M03-P-FM11", "raters"] == 1
    assert table.loc["MSP-IMPROV-S01A-F01-S-MF02", "votes"] == {"happiness": 1}
    row = table.loc["MSP-IMPROV-S01A-F01-T-FM01"]
    assert (row["activation"], row["valence"], row["raters"]) == (4, 1, 2)
    found = [(p.reason, p.severity) for p in corpus.problems]
    assert found == [
        ("rates no turn: none has begun", "error"),
        ("the label 'Bored' is none of MSP-IMPROV's", "note"),
        ("the grade of activation '0.000000' is not from 1 to 5", "note"),
        ("the grade of valence 'x' is not from 1 to 5", "note"),
        ("the rater was there before", "note"),
        ("is not understood: 'what?'", "error"),
        ("some raters left dominance out", "note"),
        ("is no MSP-IMPROV turn", "error"),
        ("is rated twice", "error"),
        ("has neither an audio file nor a text", "error"),
    ]


def test_turns_without_raters_and_unknown_emotions(root):
    (root / "Evalution.txt").write_text("UTD-IMPROV-S01A-F01-S-MF02.avi; Q; A:3; V:3; D:3; N:3;\n")
    corpus = load(root)
    row = corpus.table.loc["MSP-IMPROV-S01A-F01-S-MF02"]
    assert row.isna()[["emotion", "votes", "activation", "naturalness"]].all()
    assert row["raters"] == 0
    reasons = [p.reason for p in corpus.problems]
    assert reasons[:2] == ["unknown emotion 'Q'", "no rater chose an emotion"]
    assert reasons[2:] == ["nobody rated it"] * 3


def test_missing_audio_texts_and_stray_files(root, clip):
    sounds = root / "Audio/session1/S01A"
    (sounds / "S/MSP-IMPROV-S01A-F01-S-MF02.wav").unlink()
    (sounds / "S/._MSP-IMPROV-S01A-F01-S-MF02.wav").touch()
    clip(root / "session6/S20S/R/MSP-IMPROV-S20S-M06-R-MM01.wav", seconds=0.1)
    (root / "All_human_transcriptions/MSP-IMPROV-S01A-F01-T-FM01.txt").unlink()
    latin = root / "All_human_transcriptions/MSP-IMPROV-S20S-M06-R-MM01.txt"
    latin.write_bytes("café".encode("latin-1"))
    corpus = load(root, strict=True)
    assert corpus.table["path"].isna().sum() == corpus.table["text"].isna().sum() == 1
    assert corpus.table.loc["MSP-IMPROV-S20S-M06-R-MM01", "text"] == "café"
    reasons = {p.reason.partition(" (")[0] for p in corpus.problems}
    assert reasons == {
        "is there twice",
        "is not UTF-8",
        "has no audio file",
        "has no text",
        "some raters left dominance out",
    }


def test_without_transcripts_there_is_one_note(root):
    (root / "All_human_transcriptions").rename(root / "aside")
    corpus = load(root)
    assert corpus.table["text"].isna().all()
    assert [p.reason for p in corpus.problems if "text" in p.action] == [
        "no folder All_human_transcriptions"
    ]


def test_wrong_folders_and_options(root, tmp_path):
    with pytest.raises(CorpusError, match=f"did you mean {root}"):
        load(tmp_path)
    with pytest.raises(CorpusError, match="no speakers 'name'; there are turn, scene"):
        load(root, speakers="name")
