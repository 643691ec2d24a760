"""Writing: whole or not at all, and readable by those who may read."""

import stat

import pytest

from serlib.cache import _UMASK, atomic_write, cache_dir
from serlib.errors import StoreError


def test_the_cache_is_where_it_is_asked_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("SERLIB_CACHE", str(tmp_path / "here"))
    assert cache_dir("a", "b") == tmp_path / "here" / "a" / "b" and cache_dir("a").is_dir()


def test_bytes_and_writers(tmp_path):
    atomic_write(tmp_path / "new" / "a", b"x")
    atomic_write(tmp_path / "new" / "a", lambda file: file.write(b"yz"))
    assert (tmp_path / "new" / "a").read_bytes() == b"yz"


def test_the_usual_permissions(tmp_path):
    atomic_write(tmp_path / "a", b"x")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~_UMASK


def test_a_failure_leaves_the_old_file_and_no_part_of_the_new(tmp_path):
    atomic_write(tmp_path / "a", b"old")

    def fails(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"No space left on device.*SERLIB_CACHE"):
        atomic_write(tmp_path / "a", fails)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
