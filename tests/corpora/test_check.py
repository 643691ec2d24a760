import numpy as np
import pytest
import soundfile as sf

from serlib.corpora.check import check, merge
from serlib.corpora.corpus import Corpus
from serlib.errors import CorpusError, Problem


def corpus_of(root, names, **columns):
    rows = [
        {"utterance": n, "path": f"{n}.wav", "speaker": n[0], "emotion": "anger"} | columns
        for n in names
    ]
    return Corpus.build("toy", root, rows, licence="none", labels=["anger", "fear"])


def test_counts_of_a_sound_corpus(tmp_path, clip):
    for seed, name in enumerate(["a1", "a2", "b1"]):
        clip(tmp_path / f"{name}.wav", seed=seed, seconds=10)
    assert check(corpus_of(tmp_path, ["a1", "a2", "b1"]), strict=True) == {
        "utterances": 3,
        "speakers": 2,
        "dialogues": 0,
        "minutes": 0.5,
        "emotions": {"anger": 3, "fear": 0},
        "published": None,
        "problems": [],
    }


def test_bad_files_are_reported_and_not_counted(tmp_path, clip):
    clip(tmp_path / "a1.wav", seconds=6)
    cut = clip(tmp_path / "b1.wav", seed=1)
    cut.write_bytes(cut.read_bytes()[:2000])
    (tmp_path / "c1.wav").touch()
    sf.write(tmp_path / "d1.wav", np.zeros(16000), 16000)
    corpus = corpus_of(tmp_path, ["a1", "b1", "c1", "d1", "e1"])
    report = check(corpus)
    assert (report["utterances"], report["speakers"], report["minutes"]) == (1, 1, 0.1)
    assert report["emotions"]["anger"] == 1
    expected = ["b1.wav: truncated", "c1.wav: empty", "d1.wav: silent", "e1.wav: no such"]
    for line, words in zip(report["problems"], expected, strict=True):
        assert line.startswith(f"error: {words}")
    with pytest.raises(CorpusError, match=r"toy: b1.wav: truncated"):
        check(corpus, strict=True)


def test_identical_files_are_noted_whatever_their_names(tmp_path, clip):
    for name, seed in {"a1": 1, "b1": 2, "c1": 1}.items():
        clip(tmp_path / f"{name}.wav", seed=seed)
    (line,) = check(corpus_of(tmp_path, ["a1", "b1", "c1"]), strict=True)["problems"]
    assert line.startswith("note: a1, c1: are byte-identical")


def test_parts_of_one_file_are_identical_only_if_they_are_the_same_part(tmp_path, clip):
    clip(tmp_path / "x.wav")
    spans = {"u1": (0.0, 0.5), "u2": (0.5, 1.0), "u3": (0.0, 0.5), "u4": (0.5, 3.0)}
    rows = [{"utterance": u, "path": "x.wav", "start": s, "end": e} for u, (s, e) in spans.items()]
    report = check(Corpus.build("toy", tmp_path, rows, licence="", labels=()))
    assert report["utterances"] == 3 and len(report["problems"]) == 2
    assert report["problems"][0].startswith("error: x.wav (u4): segment 0.5-3 s")
    assert report["problems"][1].startswith("note: u1, u3: are byte-identical")


def test_odd_files_are_noted_and_counted(tmp_path, clip):
    clip(tmp_path / "a1.wav", seed=1, channels=2)
    clip(tmp_path / "b1.wav", seed=2, rate=8000)
    clip(tmp_path / "c1.wav", seed=3, format="AIFF")
    report = check(corpus_of(tmp_path, ["a1", "b1", "c1"]), strict=True)
    assert report["utterances"] == 3
    text = "\n".join(report["problems"])
    assert all(line.startswith("note: ") for line in report["problems"])
    for words in ("2 channels", "8000 Hz;", "AIFF", "16000 Hz in 2 files, 8000 Hz in 1"):
        assert words in text


def test_text_needs_no_audio(tmp_path):
    corpus = corpus_of(tmp_path, ["a", "b"], path=None, text="hello", dialogue="d1")
    report = check(corpus)
    assert (report["utterances"], report["minutes"], report["problems"]) == (2, 0, [])
    assert report["dialogues"] == 1


def test_the_corpus_own_problems_come_too(tmp_path, clip):
    clip(tmp_path / "a1.wav")
    corpus = corpus_of(tmp_path, ["a1"])
    problems = (Problem("x", "odd", severity="note"), Problem("y", "bad"))
    corpus = Corpus(corpus.name, corpus.root, corpus.table, "", ("anger",), problems)
    assert check(corpus)["problems"] == ["error: y: bad", "note: x: odd"]
    with pytest.raises(CorpusError, match="toy: y: bad"):
        check(corpus, strict=True)


def test_what_differs_in_its_place_only_is_merged():
    merged = merge([*(Problem(f"f{n}", "odd") for n in range(7)), Problem("g", "bad")])
    assert list(map(str, merged)) == ["f0, f1, f2, f3, f4 and 2 more: odd", "g: bad"]
