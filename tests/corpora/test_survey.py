"""What a corpus gives away is counted, on a corpus made for the purpose."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from serlib.corpora import Corpus
from serlib.corpora.survey import levels, survey

RATE = 16000


@pytest.fixture
def corpus(tmp_path):
    """Two speakers, two emotions; one sentence in both, one in anger only; one clip twice."""
    rng = np.random.default_rng(0)
    rows = [
        ("a1", "a", "anger", "one", 0.5, "female"),
        ("a2", "a", "anger", "two", 0.25, "female"),
        ("a3", "a", "neutral", "one", 0.5, "female"),
        ("b1", "b", "anger", "two", 0.5, "male"),
    ]
    for name, *_, gain, _ in rows:
        wave = rng.uniform(-1, 1, RATE)
        soundfile.write(tmp_path / f"{name}.wav", gain * wave / np.abs(wave).max(), RATE)
    (tmp_path / "a3.wav").write_bytes((tmp_path / "a1.wav").read_bytes())
    keys = ("utterance", "speaker", "emotion", "text", "gain", "gender")
    table = [dict(zip(keys, row, strict=True)) | {"path": f"{row[0]}.wav"} for row in rows]
    labels = ("anger", "neutral")
    return Corpus.build("made", tmp_path, table, licence="none", labels=labels)


def test_the_survey_counts_what_misleads(corpus):
    found = survey(corpus)
    assert found == {
        "utterances": 4,
        "speakers": 2,
        "women": 0.5,
        "minutes": 0.1,
        "sentences": 2,
        "spoken in every emotion": 0.5,
        "largest class": 0.75,
        "fewest clips": 0,  # speaker b has no neutral
        "identical clips": 2,
    }


def test_only_the_labels_count_as_classes(corpus):
    assert survey(replace(corpus, labels=("anger",)))["fewest clips"] == 1
    assert survey(replace(corpus, labels=("anger", "fear")))["fewest clips"] == 0


def test_levels_are_those_of_the_samples(corpus):
    found = levels(corpus)
    assert found["peak"].to_dict() == pytest.approx(
        {"a1": -6.02, "a2": -12.04, "a3": -6.02, "b1": -6.02}, abs=0.01
    )
    # Uniform noise: its root mean square lies 4.77 dB under its peak.
    np.testing.assert_allclose(found["level"] - found["peak"], -4.77, atol=0.1)
    np.testing.assert_allclose(found["seconds"], 1.0)


def test_a_clip_that_cannot_be_read_has_no_level(corpus):
    (corpus.root / "b1.wav").unlink()
    assert list(levels(corpus).index) == ["a1", "a2", "a3"]
    assert survey(corpus)["utterances"] == 3


def test_without_audio_what_only_audio_tells_is_unknown(corpus):
    table = corpus.table.assign(path=pd.Series(pd.NA, corpus.table.index, dtype="str"))
    found = survey(replace(corpus, table=table))
    assert np.isnan([found["minutes"], found["identical clips"]]).all()
    assert (found["utterances"], found["sentences"]) == (4, 2)


@pytest.mark.real
def test_the_pair_of_ravdess_is_found(real_root):
    from serlib.corpora import load_corpus

    found = survey(load_corpus("ravdess", real_root / "corpora" / "ravdess"))
    assert (found["identical clips"], found["sentences"]) == (2, 2)
