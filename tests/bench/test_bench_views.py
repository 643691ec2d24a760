"""Speed and memory of the views; run by ``make bench``, never in timed tests.

The limits, found before anything was made faster (two cores at 2–3 GHz, EMO-DB, 2.8 s a clip):

- eGeMAPS: 43 ms a clip on one core, of which openSMILE's own C code takes 36 and reading its
  configuration 7. Two cores can thus do 535 clips in 9.6 s at best, 11.5 s if each clip reads the
  configuration, a ratio of 1.2. ``load`` keeps the engines: 12.7 s against 14.7 s for
  ``process_files`` with two workers, a ratio of 1.16.
- Log-mel: 0.37 ms a clip on one thread, of which the FFT takes 0.18 and the product with the mel
  filters 0.10; librosa takes 1.25. ``load`` adds reading and checking the file (0.33), hashing it
  (0.14) and writing the array safely (0.25), which librosa does not do; a second thread then gains
  a fifth only, because such short steps wait for the interpreter's lock. So the ratio of the views
  is asserted, and that of ``load`` is reported.
- Warm: one stat, one small read and one checksum a clip, about 0.1 ms.

Both sides of a comparison take turns on the same clips, so that a busy machine slows both.
"""

import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serlib.corpora import load_corpus
from serlib.views import Egemaps, LogMel, Store, load

CHUNKS = 5


@pytest.fixture(scope="module")
def chunks(real_root):
    """EMO-DB in five parts with the same mix of speakers."""
    corpus = load_corpus("emodb", real_root / "corpora" / "emodb")
    return [replace(corpus, table=corpus.table.iloc[part::CHUNKS]) for part in range(CHUNKS)]


def seconds(function, *arguments):
    began = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - began, result


def in_turns(benchmark, chunks, tmp_path, view, theirs):
    """Time ``theirs`` and a cold ``load`` on each chunk in turn; give both sums and the stores."""
    other, stores, remaining = [], [], iter(chunks)

    def their_turn():
        chunk = next(remaining)
        other.append(seconds(theirs, chunk)[0])
        stores.append(Store(tmp_path / f"store-{len(stores)}"))
        return (chunk, view), {"store": stores[-1], "workers": 2, "progress": False}

    benchmark.pedantic(load, setup=their_turn, rounds=len(chunks))
    return sum(benchmark.stats.stats.data), sum(other), stores


def test_egemaps_cold_is_as_fast_as_opensmile_and_warm_is_50_times_faster(
    benchmark, chunks, tmp_path
):
    import opensmile

    smile = opensmile.Smile("eGeMAPSv02", "Functionals", num_workers=2)
    tables = []
    load(replace(chunks[0], table=chunks[0].table.iloc[:4]), Egemaps(), store=Store(tmp_path / "w"))

    def theirs(chunk):
        tables.append(smile.process_files([str(chunk.path(u)) for u in chunk.table.index]))

    cold, other, stores = in_turns(benchmark, chunks, tmp_path, Egemaps(), theirs)
    warm = 0.0
    again = lambda chunk, store: load(chunk, Egemaps(), store=Store(store.directory), workers=2)
    for chunk, store, table in zip(chunks, stores, tables, strict=True):
        spent, features = seconds(again, chunk, store)
        warm += spent
        np.testing.assert_array_equal(features.stack(), table.to_numpy(dtype=np.float32))
    info = {"cold_s": cold, "opensmile_s": other, "warm_s": warm}
    benchmark.extra_info |= info | {"opensmile/cold": other / cold, "cold/warm": cold / warm}
    print(benchmark.extra_info)
    assert other / cold >= 1
    assert cold / warm >= 50


def test_logmel_is_three_times_as_fast_as_librosa(benchmark, chunks, tmp_path):
    import librosa
    import soundfile as sf
    import torch

    def mel(waveform):
        power = librosa.feature.melspectrogram(
            y=waveform, sr=16000, n_fft=512, win_length=400, hop_length=160, n_mels=64, fmax=8000
        )
        return librosa.power_to_db(power, ref=1.0, top_db=None)

    def theirs(chunk):
        for utterance in chunk.table.index:
            mel(sf.read(chunk.path(utterance), dtype="float32")[0])

    view = LogMel()
    clips = [chunks[0].audio(utterance)[0] for utterance in chunks[0].table.index]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # As `load` does; librosa's FFT has one thread, too.
    all_of = lambda function: seconds(lambda: [function(x) for x in clips])[0]
    rounds = [(all_of(mel), all_of(lambda x: view.extract(x, 16000))) for _ in range(15)]
    torch.set_num_threads(threads)
    per_clip = [min(times) / len(clips) for times in zip(*rounds, strict=True)]
    ours, other, _ = in_turns(benchmark, chunks, tmp_path, view, theirs)
    benchmark.extra_info |= {"librosa_ms": 1000 * per_clip[0], "logmel_ms": 1000 * per_clip[1]}
    benchmark.extra_info |= {"librosa/logmel": per_clip[0] / per_clip[1]}
    benchmark.extra_info |= {"load_s": ours, "librosa_and_read_s": other, "read/load": other / ours}
    print(benchmark.extra_info)
    assert per_clip[0] / per_clip[1] >= 3


MEMORY = """
    import sys
    from pathlib import Path
    import numpy as np, pandas as pd, soundfile as sf
    import serlib.views
    from serlib.views import Store, load

    root, count = Path(sys.argv[1]), {count}
    ids = [f"u{{n}}" for n in range(count)]
    class Made:
        table = pd.DataFrame(dict(start=np.nan, end=np.nan), index=ids)
        def path(self, utterance):
            return root / f"{{utterance}}.wav"
        def audio(self, utterance):
            return sf.read(self.path(utterance), dtype="float32")

    noise = np.random.default_rng(0)
    for utterance in Made.table.index:
        sf.write(Made().path(utterance), noise.normal(0, 0.1, 1600), 16000)
    features = load(Made(), serlib.views.{view}(), store=Store(root / "store"), progress=False)
    total = sum(float(array.sum()) for array in features.values())
    # ru_maxrss would do, but a child inherits its parent's; this starts at zero with the program.
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(len(features), status["VmHWM"].split()[0])
"""


@pytest.mark.parametrize("view", ["LogMel", "Egemaps"])
def test_peak_memory_does_not_grow_with_the_number_of_files(benchmark, tmp_path, view):
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc, which only Linux has")
    peaks = {}

    def run(count):
        (tmp_path / str(count)).mkdir()
        code = textwrap.dedent(MEMORY).format(count=count, view=view)
        command = [sys.executable, "-c", code, str(tmp_path / str(count))]
        done, peak = subprocess.run(command, capture_output=True, check=True).stdout.split()
        assert int(done) == count
        peaks[count] = int(peak) / 1024

    run(500)
    benchmark.pedantic(run, args=(5000,), rounds=1)
    benchmark.extra_info |= {f"peak_mib_{count}": peak for count, peak in peaks.items()}
    print(benchmark.extra_info)
    # The ids and their keys are all that may grow: half a KiB each, 3 MiB; with some slack.
    assert peaks[5000] - peaks[500] < 20


@pytest.mark.parametrize("module", ["serlib", "serlib.views"])
def test_import_takes_under_half_a_second(benchmark, module):
    command = [sys.executable, "-c", f"import {module}"]
    benchmark.pedantic(subprocess.run, args=(command,), kwargs={"check": True}, rounds=5)
    assert benchmark.stats.stats.min < 0.5
