"""The store loses nothing: truncation, damage, kills, a full disk, and neighbours at work."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from serlib.errors import StoreError
from serlib.views import LogMel, Store, load
from serlib.views.features import folder

HERE = Path(__file__).parent

# A child that computes a slow view over the corpus in argv[1] into the store in argv[2].
CHILD = """
    import sys, time
    from dataclasses import dataclass
    from pathlib import Path
    sys.path.insert(0, {here!r})
    from conftest import make_corpus
    from serlib.views import Store, load
    from serlib.views.base import View

    @dataclass(frozen=True)
    class Slow(View):
        name = "slow"
        def _compute(self, waveform):
            time.sleep({pause})
            print("computed", flush=True)
            return waveform[:{samples}]

    corpus = make_corpus(Path(sys.argv[1]), {count})
    store = Store(Path(sys.argv[2]))
    features = load(corpus, Slow(), store=store, progress=False, workers={workers})
    print("done", len(features), flush=True)
"""


def child(**values) -> list[str]:
    settings = {"here": str(HERE), "pause": 0, "count": 40, "workers": 2, "samples": 9} | values
    return [sys.executable, "-c", textwrap.dedent(CHILD).format(**settings)]


def arrays(store: Path) -> list[Path]:
    return sorted(store.rglob("*.npy"))


def test_arrays_come_back_mapped_and_exact(tmp_path):
    store = Store(tmp_path)
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    store.write("view", "abc", array)
    assert store.has("view", "abc")
    got = store.read("view", "abc")
    assert isinstance(got, np.memmap)
    assert not got.flags.writeable
    np.testing.assert_array_equal(got, array)
    np.testing.assert_array_equal(np.load(store.path("view", "abc")), array)


@pytest.mark.parametrize("harm", ["empty", "truncated", "zeroed", "flipped"])
def test_a_damaged_file_is_seen_removed_and_redone(tiny, tmp_path, harm):
    store = Store(tmp_path / "store")
    first = {item: np.array(array) for item, array in load(tiny, LogMel(), store=store).items()}
    victim = arrays(store.directory)[2]
    data = bytearray(victim.read_bytes())
    if harm == "empty":
        data = b""
    elif harm == "truncated":
        data = data[:-200]
    elif harm == "zeroed":
        data[-400:] = bytes(400)
    else:
        data[len(data) // 2] ^= 1
    victim.write_bytes(data)
    tiny.reads = 0
    again = load(tiny, LogMel(), store=Store(tmp_path / "store"))
    assert tiny.reads == 1
    for item in first:
        np.testing.assert_array_equal(again[item], first[item])


def test_the_key_is_the_content_and_the_segment_not_the_name(tmp_path):
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    store = Store(tmp_path / "store")
    assert store.key(one) == store.key(two)
    assert store.key(one, 0.0, 1.0) not in (store.key(one), store.key(one, 0.0, 2.0))
    stamp = two.stat().st_mtime_ns
    two.write_bytes(b"else")  # same size, and within one tick of the clock: only the content tells
    os.utime(two, ns=(stamp, stamp))
    assert store.key(one) != store.key(two)


def test_content_hashes_are_kept_until_the_file_changes(tmp_path, monkeypatch):
    clip = tmp_path / "a.wav"
    clip.write_bytes(b"first")
    os.utime(clip, (1, 1))
    store = Store(tmp_path / "store")
    key = store.key(clip)
    store.save_hashes()
    fresh = Store(tmp_path / "store")
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", lambda *_: pytest.fail("hashed again"))
        assert fresh.key(clip) == key
    clip.write_bytes(b"other")
    os.utime(clip, (2, 2))
    assert fresh.key(clip) != key


def test_a_broken_hash_file_and_other_processes_hashes_are_no_matter(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (1, 1))
    one, two = Store(tmp_path / "store"), Store(tmp_path / "store")
    one.key(tmp_path / "a")
    two.key(tmp_path / "b")
    one.save_hashes()
    two.save_hashes()
    file = tmp_path / "store" / "hashes.json"
    assert len(json.loads(file.read_bytes())) == 2
    file.write_bytes(b'{"cut')
    assert Store(tmp_path / "store").key(tmp_path / "a") == one.key(tmp_path / "a")


def test_a_killed_run_resumes_and_redoes_only_what_was_in_flight(tmp_path):
    where = [str(tmp_path / "corpus"), str(tmp_path / "store")]
    run = subprocess.Popen([*child(pause=0.05), *where], stdout=subprocess.PIPE, text=True)
    for _ in range(12):
        run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    computed = 12 + len(run.stdout.read().splitlines())
    run.wait()
    stored = len(arrays(tmp_path / "store"))
    assert computed - 2 <= stored < 40  # two workers: at most two arrays were in flight
    assert stored >= 10
    again = subprocess.run([*child(), *where], capture_output=True, text=True, check=True)
    assert again.stdout.count("computed") == 40 - stored
    assert "done 40" in again.stdout


def test_ctrl_c_ends_a_run_quickly_and_keeps_what_was_done(tmp_path):
    where = [str(tmp_path / "corpus"), str(tmp_path / "store")]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell starts what it runs in the background with Ctrl-C ignored, and so its children.
    streams["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    run = subprocess.Popen([*child(pause=0.1), *where], **streams)
    for _ in range(4):
        run.stdout.readline()
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=10)
    assert "KeyboardInterrupt" in errors
    assert "done" not in output
    assert 4 <= len(arrays(tmp_path / "store")) <= 8
    assert not list((tmp_path / "store").rglob(".partial-*"))


def test_two_processes_at_once_agree(tmp_path):
    where = [str(tmp_path / "corpus"), str(tmp_path / "store")]
    subprocess.run([*child(count=40), where[0], str(tmp_path / "other")], check=True)
    runs = [
        subprocess.Popen([*child(pause=0.002), *where], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert all("done 40" in run.communicate(timeout=30)[0] for run in runs)
    assert len(arrays(tmp_path / "store")) == 40
    assert not list((tmp_path / "store").rglob(".partial-*"))


def test_a_full_disk_is_one_error_and_nothing_half_written(tiny, tmp_path, monkeypatch):
    real, calls = os.fdopen, []

    class Opened:
        def __init__(self, handle, mode):
            self.file = real(handle, mode)
            calls.append(handle)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            if len(calls) >= 4:
                self.file.write(data[:100])
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

    with monkeypatch.context() as patch:
        patch.setattr("os.fdopen", Opened)
        with pytest.raises(StoreError, match="No space left on device") as caught:
            load(tiny, LogMel(), store=Store(tmp_path / "store"), workers=1, progress=False)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "store").rglob(".partial-*"))
    done = len(arrays(tmp_path / "store"))
    assert 0 < done < 6
    tiny.reads = 0
    assert len(load(tiny, LogMel(), store=Store(tmp_path / "store"))) == 6
    assert tiny.reads == 6 - done


def test_a_file_size_limit_leaves_no_partial_file(tmp_path):
    where = [str(tmp_path / "corpus"), str(tmp_path / "store")]
    subprocess.run([*child(count=3), where[0], str(tmp_path / "other")], check=True)
    # Python ignores SIGXFSZ, so a write past the limit fails like one on a full disk.
    program = textwrap.dedent(CHILD).format(
        here=str(HERE), pause=0, count=3, workers=1, samples=4000
    )
    program = program.replace(
        "corpus = make_corpus(Path(sys.argv[1]), 3)",
        "import resource\ncorpus = make_corpus(Path(sys.argv[1]), 3)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))",
    )
    run = subprocess.run([sys.executable, "-c", program, *where], capture_output=True, text=True)
    assert run.returncode == 1
    assert "StoreError" in run.stderr.splitlines()[-1]
    assert "File too large" in run.stderr.splitlines()[-1]
    assert arrays(tmp_path / "store") == []
    assert not list((tmp_path / "store").rglob(".partial-*"))


def test_what_kills_left_behind_is_tidied_once_stale(tiny, tmp_path):
    store = Store(tmp_path / "store")
    load(tiny, LogMel(), store=store)
    shard = arrays(store.directory)[0].parent
    (shard / ".partial-old").write_bytes(b"x")
    os.utime(shard / ".partial-old", (1, 1))
    (shard / ".partial-new").write_bytes(b"x")
    load(tiny, LogMel(), store=store)
    assert [path.name for path in store.directory.rglob(".partial-*")] == [".partial-new"]


def test_an_array_that_vanished_is_a_clear_error(tiny, tmp_path):
    features = load(tiny, LogMel(), store=Store(tmp_path / "store"))
    for path in arrays(tmp_path / "store"):
        path.unlink()
    with pytest.raises(StoreError, match="call load again"):
        features["u0"]


def test_more_arrays_may_be_held_than_the_soft_limit_on_open_files(make_corpus, tmp_path):
    corpus = make_corpus(tmp_path / "corpus", 60, seconds=0.03)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with (tmp_path / "probe").open("w") as probe:  # the lowest number free: so many are in use
        resource.setrlimit(resource.RLIMIT_NOFILE, (probe.fileno() + 40, hard))
    try:
        features = load(corpus, LogMel(), store=Store(tmp_path / "store"), progress=False)
        held = list(features.values())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(held) == 60


def test_the_warm_path_opens_no_audio(tiny, tmp_path):
    store = Store(tmp_path / "store")
    load(tiny, LogMel(), store=store)
    tiny.reads = 0
    assert len(load(tiny, LogMel(), store=store)) == 6
    assert tiny.reads == 0
    assert folder(LogMel()) in {path.name for path in store.directory.iterdir()}
