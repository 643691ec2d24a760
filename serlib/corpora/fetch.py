"""Fetching an open corpus by name: from its maker's own channel, verified, all or nothing.

Everything is made in a folder beside the corpus' (``.NAME.fetching``), which gets its final name
only when it is complete. What was loaded of a file stays there when a download is cut off, and the
same call goes on from that byte.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from serlib.corpora.download import download
from serlib.corpora.unpack import unpack
from serlib.errors import CorpusError


def sources() -> dict[str, dict]:
    """Return where each corpus comes from: ``sources.yml``, which says what its items mean."""
    import yaml

    return yaml.safe_load(Path(__file__).with_name("sources.yml").read_text(encoding="utf-8"))


def source(name: str) -> dict:
    """Return one corpus' source.

    Raises:
        CorpusError: no source of that name.
    """
    known = sources()
    if name == "emosynth":
        raise CorpusError("emosynth: is made on your machine when it is first loaded; no fetching")
    if name not in known:
        raise CorpusError(f"no source of a corpus {name!r}; there are {', '.join(known)}")
    return known[name]


def elsewhere(name: str, origin: Mapping) -> str:
    """Return the line that says how to get a corpus that is not fetched by name."""
    how = " ".join(origin["how"].split())
    return f"{name}: is not fetched by name; see {origin['page']}: {how}"


def is_there(root: str | Path) -> bool:
    """Tell whether the corpus' folder has something in it: then nothing is fetched into it."""
    root = Path(root)
    if root.exists() and not root.is_dir():
        raise CorpusError(f"{root}: is a file, not a folder; choose another root")
    return root.is_dir() and any(root.iterdir())


def fetch(name: str, root: str | Path, origin: Mapping | None = None) -> bool:
    """Fetch a corpus into its folder, unless something is there already.

    The caller has shown the licence and had it accepted.

    Args:
        name: a name in ``sources()``.
        root: the corpus' own folder; made here, complete or not at all.
        origin: its source; None means ``source(name)``.

    Returns:
        Whether it was fetched: False if the folder was there and not empty.

    Raises:
        CorpusError: it is not fetched by name, cannot be downloaded or written, is not what its
            checksum says, or its archive is not safe to unpack.
    """
    origin = source(name) if origin is None else origin
    if "files" not in origin:
        raise CorpusError(elsewhere(name, origin))
    root = Path(root).expanduser().absolute()
    if is_there(root):
        return False
    work = root.parent / f".{root.name}.fetching"
    try:
        work.mkdir(parents=True, exist_ok=True)
        loaded = [download(file, work, name, origin["page"]) for file in origin["files"]]
        folder = _assemble(origin["files"], loaded, work)
        if root.is_dir():
            root.rmdir()  # It is empty; not every system renames onto a folder.
        folder.rename(root)
    except OSError as error:
        raise CorpusError(
            f"{name}: {root} cannot be written ({error.strerror or error}); free some space or "
            "choose another root, then give the same command again"
        ) from None
    shutil.rmtree(work, ignore_errors=True)
    return True


def _assemble(files: list[Mapping], loaded: list[Path], work: Path) -> Path:
    """Lay the files out as the adapter expects them, in a folder that starts empty."""
    # A folder of this run's own: a killed or a second run must not leave its half in it.
    folder = Path(tempfile.mkdtemp(prefix="unpacked-", dir=work)) / "corpus"
    folder.mkdir()
    for file, path in zip(files, loaded, strict=True):
        if "to" in file:
            place = folder / file["to"]
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            continue
        unpack(path, folder, file["unpacked"], strip=file.get("strip", ""))
        for inner in file.get("inner", ()):
            unpack(folder / inner, folder, file["unpacked"])
            (folder / inner).unlink()
    return folder
