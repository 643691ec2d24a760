"""The cache folder and atomic writes: a reader never sees half a file."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from serlib.errors import StoreError

# It can only be read by setting it, which is not safe once there are threads.
_UMASK = os.umask(0)
os.umask(_UMASK)


def cache_dir(*parts: str) -> Path:
    """Return a folder under ``$SERLIB_CACHE`` (else the user's cache), and make it if needed."""
    from platformdirs import user_cache_dir

    path = Path(os.environ.get("SERLIB_CACHE") or user_cache_dir("serlib", appauthor=False))
    path = path.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def atomic_write(path: Path, content: bytes | Callable[[IO[bytes]], None]) -> None:
    """Write under a temporary name, then rename: killed at any instant, it is all or none.

    Args:
        path: the final path; its folder is made if needed.
        content: the bytes, or a function that writes them into an open binary file.

    Raises:
        StoreError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
        # mkstemp makes files that only their owner may read; others share corpus and records.
        Path(temporary).chmod(0o666 & ~_UMASK)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror or error}); free some space, or point "
            "SERLIB_CACHE at a folder that can be written"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
