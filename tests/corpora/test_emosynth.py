"""EmoSynth: made whole or not at all, the same each time, and sounding as its rules say."""

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import parselmouth
import pytest
import soundfile

from serlib import results
from serlib.corpora import emosynth, emosynth_make, load_corpus
from serlib.corpora import emosynth_people as people
from serlib.corpora import emosynth_script as script
from serlib.corpora import emosynth_voice as voice
from serlib.errors import CorpusError, StoreError

BOOK = Path(__file__).parents[2] / "book"
REFERENCES = sorted((BOOK / "results" / "emosynth").glob("reference-*.json"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return emosynth.load(tmp_path_factory.mktemp("one"), seed=3, size="tiny")


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    """The table of the small corpus, without its sound."""
    return pd.DataFrame(emosynth.plan(0, "small"))


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def track(wave: np.ndarray) -> np.ndarray:
    """Return the f0 of the voiced frames in Hz."""
    pitch = parselmouth.Sound(wave, voice.RATE).to_pitch(0.01, 60, 550)
    values = pitch.selected_array["frequency"]
    return values[values > 0]


def say(emotion: str, speaker: people.Speaker, text="Tell me what happened last night."):
    cues = dict(zip(people.CUES, people.RULES[emotion], strict=True))
    return voice.speak(text, speaker, cues, np.random.default_rng(0))


# Made whole, once, and the same each time


def test_the_same_seed_gives_the_same_bytes(tiny, tmp_path):
    again = emosynth.load(tmp_path, seed=3, size="tiny")
    first, second = content(tiny.root), content(again.root)
    assert len(first) == 121
    assert first == second
    pd.testing.assert_frame_equal(tiny.table, again.table)


def test_another_seed_gives_another_corpus():
    first, second = emosynth.plan(3, "tiny"), emosynth.plan(4, "tiny")
    assert [row["utterance"] for row in first] == [row["utterance"] for row in second]
    pairs = list(zip(first, second, strict=True))
    assert not any(one["cues"] == other["cues"] for one, other in pairs)
    assert np.mean([one["text"] == other["text"] for one, other in pairs]) < 0.1


def test_the_same_sentence_is_never_spoken_twice_alike(tiny):
    files = [path.read_bytes() for path in (tiny.root / "wav").iterdir()]
    assert len(set(files)) == len(files) == len(tiny.table)


def test_a_corpus_in_the_cache_is_not_made_again(tiny, monkeypatch):
    monkeypatch.setattr(emosynth_make, "_speak_all", lambda *_: pytest.fail("made again"))
    assert len(emosynth.load(tiny.root.parent, seed=3, size="tiny").table) == 120


def test_what_a_killed_run_left_is_never_trusted(tiny, tmp_path, monkeypatch):
    """A kill leaves a partial folder, at worst all but its table; the next load makes its own."""
    left = tmp_path / ".partial-killed"
    shutil.copytree(tiny.root, left)
    (left / "table.jsonl").unlink()
    (left / "wav" / f"{tiny.table.index[0]}.wav").write_bytes(b"RIFF")
    monkeypatch.setattr(emosynth_make, "_speak_all", lambda rows, folder, progress: None)
    corpus = emosynth.load(tmp_path, seed=3, size="tiny")
    assert corpus.root.name == tiny.root.name
    assert not list((corpus.root / "wav").iterdir()), "files of the killed run were taken over"


def test_a_run_killed_for_real_leaves_no_corpus(tmp_path):
    code = f"from serlib.corpora import emosynth; emosynth.load({str(tmp_path)!r}, size='tiny')"
    run = subprocess.Popen([sys.executable, "-c", code])
    while run.poll() is None and not list(tmp_path.rglob("*.wav")):
        time.sleep(0.01)
    run.kill()
    run.wait()
    assert list(tmp_path.rglob("*.wav")), "killed before it had begun"
    assert not list(tmp_path.glob("emosynth-*"))


@pytest.mark.parametrize("lost", ["table.jsonl", "wav/S1-room-01-01.wav"])
def test_a_damaged_corpus_is_made_again(tiny, tmp_path, lost, monkeypatch):
    folder = tmp_path / tiny.root.name
    shutil.copytree(tiny.root, folder)
    (folder / lost).unlink()

    def again(rows, wav, progress):
        shutil.copytree(tiny.root / "wav", wav, dirs_exist_ok=True)

    monkeypatch.setattr(emosynth_make, "_speak_all", again)
    emosynth.load(tmp_path, seed=3, size="tiny")
    assert content(folder) == content(tiny.root)


def test_a_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch):
    def fail(rows, folder, progress):
        (folder / "half.wav").write_bytes(b"RIFF")
        raise KeyboardInterrupt

    monkeypatch.setattr(emosynth_make, "_speak_all", fail)
    with pytest.raises(KeyboardInterrupt):
        emosynth.load(tmp_path, size="tiny")
    assert not list(tmp_path.iterdir())


def test_two_makers_at_once_agree(tiny, tmp_path, monkeypatch):
    """The one that comes second finds the place taken and uses what is there."""

    def overtaken(rows, folder, progress):
        shutil.copytree(tiny.root, tmp_path / tiny.root.name)

    monkeypatch.setattr(emosynth_make, "_speak_all", overtaken)
    corpus = emosynth.load(tmp_path, seed=3, size="tiny")
    assert content(corpus.root) == content(tiny.root)
    assert [path.name for path in tmp_path.iterdir()] == [tiny.root.name]


def test_a_change_of_the_rules_changes_the_place(monkeypatch, tmp_path):
    before = emosynth._fingerprint()
    for file in Path(emosynth.__file__).parent.glob("emosynth*"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(emosynth, "__file__", str(tmp_path / "emosynth.py"))
    assert emosynth._fingerprint() == before
    with (tmp_path / "emosynth.yml").open("a") as words:
        words.write("# changed\n")
    assert emosynth._fingerprint() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [({"size": "huge"}, "huge.*small, full"), ({"seed": -1}, "-1"), ({"seed": 1.5}, "1.5")],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(CorpusError, match=message):
        load_corpus("emosynth", **options)


def test_a_voice_that_fails_says_why(tmp_path):
    row = emosynth.plan(0, "tiny")[0] | {"speaker": "nobody"}
    with pytest.raises(CorpusError, match="KeyError: 'nobody'"):
        emosynth_make._speak_all([row], tmp_path, False)


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        emosynth.load(tmp_path / "file", size="tiny")


# The table


def test_votes_give_the_emotion_by_strict_majority(small):
    for row in small.itertuples():
        assert sum(row.votes.values()) == row.raters
        assert 3 <= row.raters <= 5
        winners = [e for e, n in row.votes.items() if 2 * n > row.raters]
        assert winners == ([] if pd.isna(row.emotion) else [row.emotion])
    assert 0.05 < small["emotion"].isna().mean() < 0.3


def test_grades_are_means_and_variances_of_whole_grades(small):
    for name in ("activation", "valence", "dominance"):
        assert small[name].between(1, 5).all()
        total = small[name] * small["raters"]
        assert np.allclose(total, total.round(), atol=1e-3)
        assert small[f"{name}_var"].mean() > 0.1
        whole = small[f"{name}_var"] * small["raters"] ** 2  # of the population, not of a sample
        assert np.allclose(whole, whole.round(), atol=5e-3)
    assert small["valence"].corr(small["true_valence"]) > 0.8


def test_the_true_emotion_is_the_largest_part_of_a_mixture_that_sums_to_one(small):
    parts = small[[f"true_mixture_{emotion}" for emotion in emosynth.LABELS]]
    assert np.allclose(parts.sum(axis=1), 1, atol=1e-3)
    largest = parts.idxmax(axis=1).str.removeprefix("true_mixture_")
    assert (largest == small["true_emotion"]).all()


def test_speakers_mean_each_emotion_equally_often_and_neutral_more(small):
    studio = small[small["condition"] == "studio"]
    meant = pd.crosstab(studio["speaker"], studio["true_emotion"])
    assert (meant.drop(columns="neutral") == 8).all(axis=None)
    assert (meant["neutral"] == 10).all()


@pytest.mark.parametrize("seed", range(5))
def test_every_speaker_has_enough_of_everything(seed):
    table = pd.DataFrame(emosynth.plan(seed, "small"))
    studio = table[table["condition"] == "studio"]
    counts = pd.crosstab(studio["speaker"], studio["emotion"])
    assert counts.shape == (10, 6)
    assert counts["neutral"].min() >= 3
    assert (counts >= 5).to_numpy().mean() > 0.8


def test_dialogues_have_one_session_two_speakers_who_take_turns(small):
    for _, turns in small.groupby("dialogue"):
        assert turns["session"].nunique() == turns["scenario"].nunique() == 1
        assert list(turns["turn"]) == list(range(1, len(turns) + 1))
        assert turns["speaker"].nunique() == 2
        assert (turns["speaker"] != turns["speaker"].shift()).all()


def test_emotions_last_in_a_dialogue(small):
    """Context carries information: a speaker keeps an emotion more often than by chance."""
    own = small.groupby(["dialogue", "speaker"])["true_emotion"]
    kept = (own.shift() == small["true_emotion"])[own.shift().notna()].mean()
    assert kept > 1.3 / 6


def test_only_label_free_sentences_are_shared_between_sessions(small):
    scripted = set(script.lines()["scripted"])
    sessions = small.groupby("text")["session"].nunique()
    assert set(sessions.index[sessions > 1]) <= scripted
    assert small.loc[small["scenario"] == "scripted", "true_words"].isna().all()
    improvised = small[small["scenario"] == "improvised"]
    assert improvised["text"].is_unique
    carried = improvised["true_words"].dropna()
    assert 0.4 < (carried == improvised["true_emotion"][carried.index]).mean() < 0.9


# The sound


def test_every_file_is_sound_speech_of_its_speaker(tiny):
    for utterance, row in tiny.table.iterrows():
        info = soundfile.info(tiny.path(utterance))
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        wave, _ = tiny.audio(utterance)
        assert 0.8 < len(wave) / 16000 < 6
        assert 0.01 < np.abs(wave).max() < 0.999
        if row["condition"] == "studio":
            f0 = track(wave)
            assert len(f0) > 0.2 * len(wave) / 160
            assert 0.6 < np.median(f0) / row["true_f0"] < 2.0, utterance


def test_a_file_starts_and_ends_without_a_click(tiny):
    for utterance in tiny.select(condition="studio").table.index[::5]:
        wave, _ = tiny.audio(utterance)
        assert np.abs(wave[:800]).max() < 0.003
        assert np.abs(wave[-800:]).max() < 0.003


@pytest.mark.parametrize("number", [0, 5, 7])
def test_the_rules_are_in_the_sound(number):
    """Same speaker, same sentence, the pure rule of each emotion."""
    waves = {e: say(e, people.SPEAKERS[number]) for e in people.EMOTIONS}
    f0 = {e: np.median(track(wave)) for e, wave in waves.items()}
    assert f0["sadness"] < f0["neutral"] < f0["anger"]
    assert f0["neutral"] < f0["happiness"] < f0["excitement"]
    seconds = {e: len(wave) for e, wave in waves.items()}
    assert seconds["excitement"] < seconds["anger"] < seconds["neutral"] < seconds["sadness"]
    level = {e: 20 * np.log10(wave.std()) for e, wave in waves.items()}
    assert level["sadness"] + 4 < level["neutral"] < level["anger"] - 4
    bright = {e: brightness(wave) for e, wave in waves.items()}
    assert bright["sadness"] < bright["neutral"] < bright["anger"]


def brightness(wave: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    frequency = np.fft.rfftfreq(len(wave), 1 / voice.RATE)
    high, low = power[(frequency > 1000) & (frequency < 4000)], power[frequency < 1000]
    return 10 * np.log10(high.sum() / low.sum())


def test_happiness_rises_where_frustration_falls():
    for speaker in people.SPEAKERS[:4]:
        trend = {}
        for emotion in ("happiness", "frustration"):
            f0 = 12 * np.log2(track(say(emotion, speaker)))
            third = len(f0) // 3
            trend[emotion] = np.median(f0[-third:]) - np.median(f0[:third])
        assert trend["happiness"] > trend["frustration"] + 1, speaker.name


def test_the_room_adds_noise():
    studio = say("neutral", people.SPEAKERS[0])
    there = voice.room(studio, "S3", np.random.default_rng(0))
    quiet = slice(0, 1200)
    assert there[quiet].std() > 5 * studio[quiet].std()
    assert len(there) == len(studio)
    assert 0.3 < np.corrcoef(there, studio)[0, 1] < 0.99


def test_the_room_reverberates():
    burst = np.random.default_rng(1).normal(0, 0.1, voice.RATE)
    burst[3200:] = 0
    there = voice.room(burst, "S5", np.random.default_rng(0))
    assert there[3500:4500].std() > 2 * there[-3200:].std()


def test_speakers_differ_in_voice_and_in_habits():
    formant = lambda s: np.argmax(np.abs(np.fft.rfft(say("neutral", s)))[:4000])
    assert len({round(float(formant(s)), -1) for s in people.SPEAKERS}) > 5
    rng = np.random.default_rng(0)
    first, second = people.habits(rng), people.habits(rng)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.7
    assert np.abs(first - second).mean() > 0.1


# The datasheet quotes the rules and the record


def cells(heading: str) -> list[list[str]]:
    """Rows of the table under a heading of the datasheet, without the table's own heading."""
    text = (BOOK / "datasheets" / "emosynth.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_datasheet_states_the_rules_in_force():
    stated = {row[0]: [float(cell) for cell in row[1:]] for row in cells("How an emotion sounds")}
    assert stated == {emotion: list(rule) for emotion, rule in people.RULES.items()}


def test_the_datasheet_quotes_its_record():
    records = [results.read(path) for path in REFERENCES]
    keys = ("uar_6", "uar_4", "uar_4_merged", "uar_6_studio_to_room", "text_uar")
    expected = []
    for record in sorted(records, key=lambda r: (r.parameters["size"] == "full", r.what)):
        made, found = record.parameters, vars(record)["values"]
        expected.append([f"{made['size']}, {made['seed']}", f"{found['turns']:.0f}"])
        expected[-1] += [f"{found[key]:.2f}" for key in (*keys, "speaker_accuracy")]
        expected[-1] += [f"{found['processor_seconds']:.0f}"]
    assert cells("What is measured on it") == expected
    text = (BOOK / "datasheets" / "emosynth.md").read_text(encoding="utf-8")
    assert {f"measured on {record.created[:10]}" in text for record in records} == {True}


def test_the_record_is_of_the_corpus_as_it_is():
    rows = (f"{r['utterance']} {r['text']} {r['emotion']}" for r in emosynth.plan(0, "small"))
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]
    stated = {results.read(path).parameters["labels"] for path in REFERENCES}
    assert stated == {digest}, "run tests/bench/measure_emosynth.py again"
