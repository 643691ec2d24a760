"""IEMOCAP from a miniature tree in its exact format, odd lines included."""

import math

import pytest

from serlib.corpora import load_corpus
from serlib.corpora.iemocap import LABEL_SETS
from serlib.errors import CorpusError
from serlib.parameters import profile_parameters

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
IMPRO = """\
[14.8872 - 18.0175]\tSes01F_impro01_M001\tfru\t[2.0000, 4.0000, 3.5000]
C-E2:\tFrustration; Anger;\t()
C-E3:\tFrustration;\t(sighs; (really) fed up)
C-E4:\tNeutral state;\t()
C-M1:\tAnger;\t()
A-E3:\tval 2; act 4; dom  3;\t()
A-E4:\tval 2; act 4; dom  4;\t()
A-M1:\tval 1; act 5; dom  5;\t()

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral;\t()
C-E4:\tNeutral;\t()
C-F1:\tNeutral;\t(curious)
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  3;\t(mildly aggravated but staying polite, attitude)
A-F1:\tval 3; act 2; dom  1;\t()

"""
SCRIPT = """\
[0.5000 - 2.5000]\tSes01M_script02_1_F000\txxx\t[3.0000, 3.0000, 3.0000]
C-E2:\tHappiness;\t()
C-E3:\tExcited;\t()
C-E4:\tSurprise;\t()
A-E3:\tval 3; act 3; dom  3;\t()
A-E4:\tval 3; act 3; dom  3;\t()

[3.0000 - 4.0000]\tSes01M_script02_1_M000\texc\t[4.0000, 4.0000, 3.0000]
C-E2:\tExcited;\t()
A-E3:\tval 4; act 4; dom  3;\t()

[5.0000 - 6.0000]\tSes01M_script02_1_M001\thap\t[4.0000, 3.0000, 3.0000]
C-E2:\tHappiness;\t()
A-E3:\tval 4; act 3; dom  3;\t()

"""
SAID = """\
Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M001 [014.8872-018.0175]: Well: what's the problem?
"""
PLAYED = """\
Ses01M_script02_1_F000 [000.5000-002.5000]: Look!
Ses01M_script02_1_M000 [003.0000-004.0000]: Yes.
Ses01M_script02_1_M001 [005.0000-006.0000]: The moon.
"""


class Tree:
    """A copy in miniature, and ways to spoil it."""

    def __init__(self, root, clip):
        self.root, self.clip = root, clip
        self.dialogue("Ses01F_impro01", IMPRO, SAID)
        self.dialogue("Ses01M_script02_1", SCRIPT, PLAYED)
        for session in range(2, 6):
            name = f"Ses0{session}F_impro01"
            self.dialogue(name, IMPRO.replace("Ses01F_impro01", name), "", sounds=False)
            self.said(name, SAID.replace("Ses01F_impro01", name))

    def dialogue(self, name, rated, said, sounds=True):
        self.rated(name, rated)
        self.said(name, said)
        for line in rated.splitlines():
            if sounds and line.startswith("["):
                self.clip(self.sound(line.split("\t")[1]), seconds=0.1)

    def sound(self, turn):
        name = turn.rpartition("_")[0]
        return self.root / f"Session{turn[4]}/sentences/wav/{name}/{turn}.wav"

    def rated(self, name, text, encoding="utf-8"):
        self._write("EmoEvaluation", name, HEADER + text, encoding)

    def said(self, name, text, encoding="utf-8"):
        self._write("transcriptions", name, text, encoding)

    def _write(self, folder, name, text, encoding):
        path = self.root / f"Session{name[4]}/dialog/{folder}/{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))

    def load(self, **options):
        return load_corpus("iemocap", self.root, **options)

    def problems(self, session="1", **options):
        """The problems of one session, but for its being without audio."""
        return [p for p in self.load(**options).problems if f"Ses0{session}" in p.where]


@pytest.fixture
def tree(tmp_path, clip):
    return Tree(tmp_path / "iemocap", clip)


def test_every_column_of_an_improvised_turn(tree):
    row = tree.load().table.loc["Ses01F_impro01_M001"]
    assert row["path"] == "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M001.wav"
    assert row["text"] == "Well: what's the problem?"
    assert (row["speaker"], row["gender"], row["session"]) == ("Ses01M", "male", "Ses01")
    assert (row["dialogue"], row["turn"], row["language"]) == ("Ses01F_impro01", 1, "en")
    assert row["emotion"] == "frustration" and row["scenario"] == "improvised"
    assert row["votes"] == {"frustration": 2, "anger": 1, "neutral": 1} and row["raters"] == 3
    assert (row["valence"], row["activation"], row["dominance"]) == (2, 4, 3.5)
    assert (row["valence_var"], row["activation_var"], row["dominance_var"]) == (0, 0, 0.25)
    assert (row["dialogue_start"], row["dialogue_end"]) == (14.8872, 18.0175)
    assert math.isnan(row["start"]) and math.isnan(row["end"])


def test_turns_are_numbered_in_the_order_of_their_start(tree):
    table = tree.load().table
    turns = table[table["dialogue"] == "Ses01F_impro01"]["turn"]
    assert turns.to_dict() == {"Ses01F_impro01_F000": 0, "Ses01F_impro01_M001": 1}


def test_a_scripted_turn_without_agreement(tree):
    row = tree.load().table.loc["Ses01M_script02_1_F000"]
    # The M of the dialogue is the actor with the markers; the F of the turn speaks.
    assert row["speaker"] == "Ses01F" and row["gender"] == "female"
    assert row["scenario"] == "scripted" and row.isna()["emotion"]
    assert row["votes"] == {"happiness": 1, "excitement": 1, "surprise": 1}


def test_the_actors_own_ratings_count_only_if_asked(tree):
    row = tree.load(self_evaluation=True).table.loc["Ses01F_impro01_F000"]
    assert row["votes"] == {"neutral": 4} and row["raters"] == 4
    # As in the public EMO-SUPERB tables, which count them.
    assert [round(row[d], 6) for d in ("activation", "valence", "dominance")] == [
        2.333333,
        2.666667,
        2.0,
    ]
    assert row["activation_var"] == pytest.approx(2 / 9)


def test_a_full_copy_has_nothing_to_report(tree):
    assert tree.problems() == []
    others = tree.load().problems
    assert [(p.where, p.severity) for p in others] == [(f"Session{n}", "note") for n in range(2, 6)]
    assert tree.load().audio("Ses01F_impro01_F000")[0].shape == (1600,)


@pytest.mark.parametrize(
    ("labels", "turns", "classes"),
    [
        (None, 13, 10),
        ("iemocap4", 7, 4),
        ("iemocap6", 11, 6),
        ("iemocap10", 12, 10),
    ],
)
def test_the_fields_sets_of_labels(tree, labels, turns, classes):
    tree.rated("Ses02F_impro01", IMPRO.replace("fru", "sur").replace("Ses01F", "Ses02F"))
    corpus = tree.load(labels=labels)
    assert len(corpus.table) == turns and len(corpus.labels) == classes
    assert labels is None or corpus.labels == LABEL_SETS[labels]


def test_four_classes_unite_happiness_and_excitement(tree):
    chosen = tree.load().select(["anger", "happiness+excitement", "neutral", "sadness"])
    assert chosen.table["emotion"].value_counts().to_dict() == {
        "neutral": 5,
        "happiness+excitement": 2,
    }
    named = tree.load(labels="iemocap4")
    assert named.table.equals(chosen.table) and named.labels == chosen.labels
    assert named.select(["happiness+excitement"]).table["emotion"].size == 2


def test_the_papers_profile_of_chapter_4_takes_these_four_classes(tree):
    emotions = profile_parameters("paper", "04-dsnet")["emotions"]
    assert set(emotions) == set(LABEL_SETS["iemocap4"])
    assert len(tree.load().select(emotions=emotions).table) == 7


def test_odd_lines_of_raters_are_reported_and_the_rest_counts(tree):
    odd = IMPRO.replace(
        "C-E3:\tFrustration;\t(sighs; (really) fed up)", "C-E3:\tBored; Anger;\t(x)"
    )
    odd = odd.replace("A-E4:\tval 2; act 4; dom  4;\t()", "A-E4:\tval 7; act x; dom  ;\t()")
    odd = odd.replace("C-E4:\tNeutral state;\t()", "C-E4:\t;\t()\nC-E2:\tSadness;\t()\nhello")
    tree.rated("Ses01F_impro01", "C-E2:\tNeutral;\t()\n" + odd)
    row = tree.load().table.loc["Ses01F_impro01_M001"]
    assert row["votes"] == {"frustration": 1, "anger": 2} and row["raters"] == 2
    assert (row["valence"], row["activation"], row["dominance"]) == (2, 4, 3)
    reasons = [p.reason for p in tree.problems()]
    assert reasons == [
        "rates no turn: none has begun",
        "the label 'Bored' is none of IEMOCAP's",
        "the rater chose no emotion",
        "the rater was there before",
        "is not understood: 'hello'",
        "the grade 'val 7' is not from 1 to 5",
        "the grade 'act x' is not from 1 to 5",
        "the grade 'dom' is not from 1 to 5",
        "the stated mean of dominance is not its evaluators'",
    ]
    assert [p.severity for p in tree.problems()].count("error") == 3


def test_missing_raters_and_unknown_emotions(tree):
    rated = "[1.0 - 2.0]\tSes01F_impro01_F000\tabc\t[2.5, 3.5, 4.0]\n\n"
    rated += "[2.0 - 3.0]\tSes01F_impro01_M001\tang\t[2.5, , 4.0]\nA-E1:\tval 2; act 3;\t()\n"
    tree.rated("Ses01F_impro01", rated)
    table = tree.load().table
    first, second = table.loc["Ses01F_impro01_F000"], table.loc["Ses01F_impro01_M001"]
    assert first.isna()["emotion"] and first.isna()["votes"] and first["raters"] == 0
    assert (first["valence"], first["activation"], first["dominance"]) == (2.5, 3.5, 4)
    assert math.isnan(first["valence_var"])
    assert (second["valence"], second["activation"]) == (2, 3) and second.isna()["dominance"]
    reasons = {p.reason for p in tree.problems()}
    assert {"unknown emotion 'abc'", "no rater chose an emotion", "no grade for dom"} <= reasons
    assert "no rater graded valence" in reasons and "gives no three means: '2.5, , 4.0'" in reasons


def test_missing_audio_and_missing_texts(tree):
    tree.sound("Ses01F_impro01_M001").unlink()
    tree.clip(tree.sound("Ses01F_impro01_M009"))
    tree.said("Ses01F_impro01", SAID.splitlines()[1] + "\nSes01F_impro01_MXX0 [1-2]: Hm.\n")
    table = tree.load().table
    assert table.isna().loc["Ses01F_impro01_M001", "path"]
    assert table.isna().loc["Ses01F_impro01_F000", "text"]
    found = {(p.where, p.reason, p.severity) for p in tree.problems()}
    nobody = "of turns that nobody rated: Ses01F_impro01_M"
    assert found == {
        ("Ses01F_impro01_M001", "has no audio file", "note"),
        ("Ses01F_impro01_F000", "has no text", "note"),
        ("Ses01F_impro01", f"texts {nobody}XX0", "note"),
        ("Ses01F_impro01", f"audio files {nobody}009", "note"),
    }
    tree.said("Ses01F_impro01", "")
    (problem,) = [p for p in tree.problems() if p.severity == "error"]
    assert problem.where == "Ses01F_impro01_M001" and "neither" in problem.reason
    with pytest.raises(CorpusError, match="neither an audio file nor a text"):
        tree.load(strict=True)


def test_a_dialogue_without_a_transcript(tree):
    (tree.root / "Session1/dialog/transcriptions/Ses01F_impro01.txt").unlink()
    assert tree.load().table.loc["Ses01F_impro01_F000", "path"]
    first = tree.problems()[0]
    assert first.where.endswith("transcriptions/Ses01F_impro01.txt") and "missing" in first.reason


def test_transcript_lines_without_times_and_without_a_turn(tree):
    said = "Ses01F_impro01_F000: Excuse me.\nM: [laughter]\nSes01F_impro01_F000 [1-2]: Again.\n"
    tree.said("Ses01F_impro01", said + SAID.splitlines()[1])
    assert tree.load().table.loc["Ses01F_impro01_F000", "text"] == "Excuse me."
    (problem,) = tree.problems()
    assert problem.reason == "names no turn, or one again: 2 (first: line 2)"


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_and_bytes_that_are_not_utf8(tree, end):
    tree.rated("Ses01F_impro01", IMPRO.replace("\n", end))
    said = SAID.replace("Excuse me.", "Excusez-moi, Ren\xe9\u2026").replace("\n", end)
    tree.said("Ses01F_impro01", said, "cp1252")
    table = tree.load().table
    assert table.loc["Ses01F_impro01_F000", "text"] == "Excusez-moi, Ren\xe9\u2026"
    assert table.loc["Ses01F_impro01_M001", "votes"]["frustration"] == 2
    (problem,) = tree.problems()
    assert "is not UTF-8 (byte 0xe9" in problem.reason and problem.severity == "note"


def test_stray_files_and_turns_of_other_dialogues(tree):
    folder = tree.root / "Session1/dialog/EmoEvaluation"
    (folder / "._Ses01F_impro01.txt").write_bytes(b"\x00\x05\x16\x07")
    (folder / "notes.txt").write_text("what?")
    (folder / "Ses02F_impro03.txt").write_text(IMPRO)
    (folder / "Categorical").mkdir()
    (tree.sound("Ses01F_impro01_F000").parent / "._Ses01F_impro01_F000.wav").touch()
    other = IMPRO.replace("Ses01F_impro01_M001", "Ses01F_impro02_M001")
    tree.rated("Ses01F_impro01", other + other)
    found = {(p.where.rpartition("/")[2], p.reason) for p in tree.load().problems}
    assert {
        ("EmoEvaluation", "hidden files that a Mac left: ._Ses01F_impro01.txt"),
        ("notes.txt", "is no dialogue of Session1"),
        ("Ses02F_impro03.txt", "is no dialogue of Session1"),
        ("Ses01F_impro02_M001", "is no turn of Ses01F_impro01"),
        ("Ses01F_impro01_F000", "is rated twice"),
    } <= found
    assert "Ses01F_impro02_M001" not in tree.load().table.index
    # Hidden files are counted in one note and are nothing else.
    hidden = [pair for pair in found if "._" in pair[0] + pair[1]]
    assert len(hidden) == 1


def test_a_character_that_some_take_for_a_line_end_stays_in_its_sentence(tree):
    tree.said("Ses01F_impro01", SAID.replace("Excuse me.", "Excuse\u2028me."))
    assert tree.load().table.loc["Ses01F_impro01_F000", "text"] == "Excuse\u2028me."


def test_a_session_that_is_missing_is_noted(tree):
    (tree.root / "Session4/dialog/EmoEvaluation").rename(tree.root / "aside")
    problem = tree.load(strict=True).problems[0]
    assert problem.where == "Session4" and problem.severity == "note"


def test_wrong_folders_and_options(tree, tmp_path):
    with pytest.raises(CorpusError, match=f"did you mean {tree.root}"):
        load_corpus("iemocap", tmp_path)
    with pytest.raises(CorpusError, match="no labels 'iemocap5'; there are iemocap4, iemocap6"):
        tree.load(labels="iemocap5")
    with pytest.raises(CorpusError, match="no option 'classes'"):
        tree.load(classes=4)
