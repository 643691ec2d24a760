"""EMO-DB and RAVDESS from miniature trees in their exact formats."""

import math
import shutil

import pytest

from serlib.corpora import load_corpus
from serlib.errors import CorpusError

HEADER = "Nr.\tSatz\terkannt\tnatuerlich\n"
PAD = "\xa0\xa0"


@pytest.fixture
def emodb(tmp_path, clip):
    root = tmp_path / "emodb"
    for seed, name in enumerate(["03a01Wa", "08b09Lb", "16a07Ec"]):
        clip(root / f"wav/{name}.wav", seed=seed)
    lines = [f"1{PAD}\t03a01Wa.wav\t95,00{PAD}\t76,19{PAD}", f"2{PAD}\t08b09Lb.wav\t80,5\t100,00"]
    lines += [f"3{PAD}\t99z99Xx.wav\t1,0\t1,0", f"4{PAD}\t16a07Ec.wav\t90,0\t60,0"]
    (root / "erkennung.txt").write_bytes((HEADER + "\n".join(lines) + "\n").encode("latin-1"))
    return root


@pytest.fixture
def ravdess(tmp_path, clip):
    root = tmp_path / "ravdess"
    clip(root / "Actor_01/03-01-01-01-01-01-01.flac")
    clip(root / "Actor_12/03-01-06-02-02-01-12.wav", rate=48000)
    clip(root / "Actor_02/03-01-08-01-02-02-02.wav", rate=48000, channels=2)
    return root


def test_emodb_is_read_off_its_names(emodb):
    corpus = load_corpus("emodb", emodb)
    table = corpus.table
    assert corpus.problems == () and list(table.index) == ["03a01Wa", "08b09Lb", "16a07Ec"]
    assert list(table["emotion"]) == ["anger", "boredom", "disgust"]
    assert list(table["speaker"]) == ["03", "08", "16"]
    assert list(table["gender"]) == ["male", "female", "female"]
    assert table.loc["03a01Wa", "text"] == "Der Lappen liegt auf dem Eisschrank."
    assert set(table["language"]) == {"de"} and list(table["version"]) == ["a", "b", "c"]
    assert list(table["recognised"]) == [0.95, 0.805, 0.9]
    assert math.isclose(table.loc["03a01Wa", "natural"], 0.7619)
    assert corpus.audio("16a07Ec")[1] == 16000


def test_emodb_reports_odd_names_and_goes_on(emodb, clip):
    for name in ("03a01Xa.wav", "07a01Wa.wav", "03a03Wa.wav", "03a01Wa.mp3", "notes.txt"):
        (emodb / "wav" / name).touch()
    (emodb / "wav/.hidden").touch()
    corpus = load_corpus("emodb", emodb)
    assert len(corpus.table) == 3 and len(corpus.problems) == 5
    assert {p.severity for p in corpus.problems} == {"error"}
    assert "wav/07a01Wa.wav" in {p.where for p in corpus.problems}
    with pytest.raises(CorpusError, match="and 4 more; strict"):
        load_corpus("emodb", emodb, strict=True)


def test_emodb_notes_what_the_listening_test_lacks(emodb, clip):
    clip(emodb / "wav/10b10Ta.wav")
    corpus = load_corpus("emodb", emodb, strict=True)
    (problem,) = corpus.problems
    assert problem.severity == "note" and problem.where == "wav/10b10Ta.wav"
    assert corpus.table.loc["10b10Ta", ["recognised", "natural"]].isna().all()
    (emodb / "erkennung.txt").unlink()
    corpus = load_corpus("emodb", emodb)
    assert corpus.table["recognised"].isna().all() and len(corpus.problems) == 1


@pytest.mark.parametrize("content", [b"", b"Satz,erkannt\n", HEADER.encode() + b"1\tx\tviel\t2\n"])
def test_emodb_refuses_a_broken_listening_test(emodb, content):
    (emodb / "erkennung.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=r"erkennung.txt cannot be read"):
        load_corpus("emodb", emodb)


@pytest.mark.parametrize("name", ["emodb", "ravdess"])
@pytest.mark.parametrize("level", ["parent", "grandparent", "child"])
def test_a_neighbouring_folder_is_suggested_not_taken(name, level, tmp_path, request):
    root = request.getfixturevalue(name)
    if level == "grandparent":
        shutil.move(root, tmp_path / "corpora" / name)
        root = tmp_path / "corpora" / name
    given = next(root.glob("*")) if level == "child" else tmp_path
    given = root / "wav" if level == "child" and name == "emodb" else given
    with pytest.raises(CorpusError) as caught:
        load_corpus(name, given)
    assert f"did you mean {root}?" in str(caught.value)


def test_a_folder_without_the_corpus_or_with_nothing_usable(tmp_path):
    with pytest.raises(CorpusError, match="give the corpus' own folder"):
        load_corpus("ravdess", tmp_path)
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav/x.wav").touch()
    with pytest.raises(CorpusError, match=r"1 left out, first: wav/x.wav"):
        load_corpus("emodb", tmp_path)


def test_ravdess_is_read_off_its_names(ravdess):
    corpus = load_corpus("ravdess", ravdess)
    table = corpus.table
    assert corpus.problems == ()
    assert list(table["speaker"]) == ["01", "02", "12"]
    assert list(table["gender"]) == ["male", "female", "female"]
    assert list(table["emotion"]) == ["neutral", "surprise", "fear"]
    assert list(table["intensity"]) == ["normal", "normal", "strong"]
    assert list(table["repetition"]) == [1, 2, 1] and set(table["language"]) == {"en"}
    assert list(table["text"].str[:4]) == ["Kids", "Dogs", "Dogs"]
    assert corpus.audio("03-01-08-01-02-02-02")[0].shape == (48000,)


def test_ravdess_leaves_song_and_video_aside_with_one_note(ravdess):
    for name in ("03-02-04-01-01-01-12.wav", "01-01-04-01-01-01-12.mp4"):
        (ravdess / "Actor_12" / name).touch()
    corpus = load_corpus("ravdess", ravdess, strict=True)
    (note,) = corpus.problems
    assert len(corpus.table) == 3 and note.severity == "note" and "2 song or video" in str(note)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("03-01-09-01-01-01-12.wav", "no RAVDESS recording"),
        ("03-01-03-01-01-01-25.wav", "no RAVDESS recording"),
        ("03-01-03-01-01-12.wav", "no RAVDESS recording"),
        ("03-01-03-01-01-01-12.mp3", "no RAVDESS recording"),
        ("03-01-01-02-01-01-12.wav", "strong neutral"),
        ("03-01-03-01-01-01-11.wav", "another actor than 11"),
    ],
)
def test_ravdess_reports_odd_names_and_goes_on(ravdess, name, words):
    (ravdess / "Actor_12" / name).touch()
    corpus = load_corpus("ravdess", ravdess)
    (problem,) = corpus.problems
    assert len(corpus.table) == 3 and problem.severity == "error"
    assert words in problem.reason and problem.where == f"Actor_12/{name}"


def test_ravdess_takes_wav_before_flac(ravdess, clip):
    clip(ravdess / "Actor_12/03-01-06-02-02-01-12.flac")
    corpus = load_corpus("ravdess", ravdess)
    assert corpus.path("03-01-06-02-02-01-12").suffix == ".wav"
    assert corpus.problems[0].severity == "note" and len(corpus.table) == 3
