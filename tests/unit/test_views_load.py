"""``load``: order, bad utterances, strictness, independence of neighbours and threads."""

# ruff: noqa: PD013 (Features.stack is not pandas')
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

import serlib.views
from serlib.errors import AudioError, StoreError, ViewError
from serlib.views import Fbank, LogMel, Sentence, Store, View, load


@dataclass(frozen=True)
class Mean(View):
    """The mean square of a clip, and its length."""

    name = "mean"

    def _compute(self, waveform):
        return np.array([np.square(waveform).mean(), len(waveform)])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_arrays_come_in_the_corpus_order(tiny, store):
    tiny.table = tiny.table.iloc[::-1]
    features = load(tiny, Mean(), store=store, progress=False)
    assert features.utterances == list(features) == [f"u{n}" for n in range(5, -1, -1)]
    assert features.left_out == []
    assert features.view == Mean()
    assert len(features) == 6
    stacked = features.stack()
    assert stacked.shape == (6, 2)
    for row, item in zip(stacked, features.utterances, strict=True):
        np.testing.assert_array_equal(row, Mean().extract(*tiny.audio(item)))


def test_frames_cannot_be_stacked(tiny, store):
    with pytest.raises(ViewError, match="not vectors"):
        load(tiny, LogMel(), store=store, progress=False).stack()


def test_bad_utterances_are_named_and_the_rest_goes_on(tiny, store, capsys):
    tiny.path("u1").write_bytes(b"not audio at all")
    tiny.path("u3").unlink()
    tiny.table.loc["u4", ["start", "end"]] = [0.1, 0.101]
    features = load(tiny, Fbank(), store=store, progress=False)
    assert features.utterances == ["u0", "u2", "u5"]
    assert [problem.where for problem in features.left_out] == ["u1", "u3", "u4"]
    lines = capsys.readouterr().err.splitlines()
    assert "u1.wav: cannot be read" in lines[0]
    assert "u3.wav" in lines[1]
    assert "at least 40.0 ms" in lines[2]
    assert lines[3] == "fbank-80: 3 of 6 utterances left out"
    again = load(tiny, Fbank(), store=store, progress=False)  # and said again when warm
    assert len(again.left_out) == 3


def test_strict_raises_at_a_bad_utterance(tiny, store):
    tiny.path("u1").write_bytes(b"not audio at all")
    with pytest.raises(AudioError, match=r"u1\.wav"):
        load(tiny, Fbank(), store=store, strict=True, progress=False)


def test_an_error_that_is_nobodys_fault_is_raised_with_the_utterance(tiny, store):
    @dataclass(frozen=True)
    class Broken(Mean):
        def _compute(self, waveform):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug") as caught:
        load(tiny, Broken(), store=store, progress=False, workers=1)
    assert "while mean saw u" in caught.value.__notes__[0]


def test_segments_of_one_file_are_different_utterances(tiny, store):
    tiny.table["path"] = "u0.wav"
    tiny.table["start"] = np.arange(6) * 0.04
    tiny.table["end"] = tiny.table["start"] + 0.05
    stacked = load(tiny, Mean(), store=store, progress=False).stack()
    assert len(np.unique(stacked[:, 0])) == 6


def test_an_utterance_does_not_depend_on_its_neighbours_or_on_threads(tiny, tmp_path):
    threads = torch.get_num_threads()
    results = []
    for number, workers in enumerate((1, 2, 3)):
        torch.set_num_threads(number + 1)
        store = Store(tmp_path / f"store-{workers}")
        results.append(load(tiny, Fbank(), store=store, workers=workers, progress=False))
    assert torch.get_num_threads() == 3
    torch.set_num_threads(threads)
    tiny.table = tiny.table.loc[["u4"]]
    alone = load(tiny, Fbank(), store=Store(tmp_path / "alone"), progress=False)
    for features in results:
        np.testing.assert_array_equal(features["u4"], alone["u4"])


def test_views_of_different_settings_do_not_meet_in_the_store(tiny, store):
    wide = load(tiny, Fbank(), store=store, progress=False)
    half = load(tiny, Fbank(dtype="float16"), store=store, progress=False)
    assert (wide["u0"].dtype, half["u0"].dtype) == (np.float32, np.float16)


def test_utterances_without_text_are_left_out_of_a_text_view(tiny, store, capsys):
    tiny.table["text"] = tiny.table["text"].astype(object)
    tiny.table.loc["u2", "text"] = pd.NA
    tiny.table.loc["u3", "text"] = "  "
    features = load(tiny, Sentence(), store=store, progress=False)
    assert features.stack().shape == (4, 384)
    assert [problem.where for problem in features.left_out] == ["u2", "u3"]
    assert "has no text" in capsys.readouterr().err


def test_the_bar_goes_to_stderr_and_can_be_hidden(tiny, store, capsys):
    load(tiny, Fbank(), store=store)
    shown = capsys.readouterr()
    assert (shown.out, "6/6" in shown.err) == ("", True)
    load(tiny, LogMel(), store=store, progress=False)
    assert capsys.readouterr().err == ""


def test_the_default_store_is_the_users_cache(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("SERLIB_CACHE", str(tmp_path / "cache"))
    load(tiny, Mean(), progress=False)
    assert len(list((tmp_path / "cache" / "views").rglob("*.npy"))) == 6


def test_a_store_that_cannot_be_written_is_one_error(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file"):
        load(tiny, Mean(), store=Store(tmp_path / "file"), progress=False)


def test_names_load_when_used_and_no_sooner():
    code = "import sys, serlib.views; print(*[m for m in ('torch','pandas') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
    assert all(hasattr(serlib.views, name) for name in serlib.views.__all__)
    with pytest.raises(AttributeError, match="Nothing"):
        _ = serlib.views.Nothing
