"""The store: one array a file, found by what it was computed from, safe against any interruption.

A stored file is a plain ``.npy`` followed by a mark and a checksum of all before it, so that a
truncated or damaged file is seen and computed again. ``numpy.load`` reads it as it is.
"""

import hashlib
import io
import json
import math
import os
import time
import zlib
from pathlib import Path

import numpy as np

from serlib.cache import atomic_write, cache_dir
from serlib.errors import StoreError

_MARK = b"serlib-1"
_STALE = 3600.0  # seconds after which an unfinished file is nobody's any more
_SETTLED = 2_000_000_000  # ns; a file this young could still change within one clock tick


class Store:
    """Arrays of all views, in a folder (by default ``views`` in serlib's cache).

    Several processes may share one: files are renamed into place whole, and two that compute the
    same array write the same bytes.
    """

    def __init__(self, directory: Path | None = None):
        self.directory = Path(directory) if directory is not None else cache_dir("views")
        self._hashes_file = self.directory / "hashes.json"
        self._hashes = self._read_hashes()
        self._changed: dict[str, list] = {}

    def key(self, path: Path, start: float = math.nan, end: float = math.nan) -> str:
        """Name an audio segment by the file's content (sha256) and the segment's limits.

        Raises:
            OSError: the file cannot be read.
        """
        segment = f"{start!r}:{end!r}" if start == start or end == end else ""
        return _digest(f"{self._content(path)}|{segment}".encode())

    def text_key(self, text: str) -> str:
        """Name a text by its content."""
        return _digest(text.encode())

    def path(self, view: str, key: str) -> Path:
        """Where the array of a view (its ``<name>-<fingerprint>``) and key lies."""
        return self.directory / view / key[:2] / f"{key}.npy"

    def write(self, view: str, key: str, array: np.ndarray) -> None:
        """Store one array, all or nothing.

        Raises:
            StoreError: the disk is full or the folder cannot be written.
        """
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        data = buffer.getvalue()
        atomic_write(self.path(view, key), data + _trailer(data))

    def has(self, view: str, key: str) -> bool:
        """Whether the array is there and whole; a damaged file is removed."""
        path = self.path(view, key)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be read ({error.strerror}); check its rights"
            ) from error
        cut = len(data) - len(_trailer(b""))
        if cut > 0 and data[cut:] == _trailer(memoryview(data)[:cut]):
            return True
        path.unlink(missing_ok=True)
        return False

    def read(self, view: str, key: str, mapped: bool = True) -> np.ndarray:
        """Open an array that ``has`` vouched for: mapped read-only, or copied into memory."""
        path = self.path(view, key)
        try:
            return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{path}: cannot be read ({error}); call load again to compute it anew"
            ) from error

    def tidy(self, view: str) -> None:
        """Remove what killed runs left unfinished."""
        limit = time.time() - _STALE
        for path in (self.directory / view).glob("*/.partial-*"):
            try:
                if path.stat().st_mtime < limit:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue  # another process has just tidied it

    def save_hashes(self) -> None:
        """Keep the content hashes, beside those that other processes kept meanwhile."""
        if not self._changed:
            return
        merged = {**self._read_hashes(), **self._changed}
        atomic_write(self._hashes_file, json.dumps(merged, indent=0).encode())
        self._hashes, self._changed = merged, {}

    def _content(self, path: Path) -> str:
        path = os.path.realpath(path)
        stat = os.stat(path)  # noqa: PTH116 (os.path is twice as fast here, and this runs per file)
        known = self._changed.get(path) or self._hashes.get(path)
        if known and known[:2] == [stat.st_size, stat.st_mtime_ns]:
            return known[2]
        with open(path, "rb") as file:  # noqa: PTH123
            content = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time_ns() - stat.st_mtime_ns > _SETTLED:
            self._changed[path] = [stat.st_size, stat.st_mtime_ns, content]
        return content

    def _read_hashes(self) -> dict[str, list]:
        try:
            return dict(json.loads(self._hashes_file.read_bytes()))
        except (OSError, ValueError):
            return {}  # only a shortcut: without it every file is hashed again


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:40]


def _trailer(data: bytes | memoryview) -> bytes:
    return _MARK + zlib.crc32(data).to_bytes(4, "little")
