"""What a number was made with: versions, hardware, and the revision of the code."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from serlib.errors import SerlibError

PACKAGES = (
    "serlib",
    "torch",
    "torchaudio",
    "lightning",
    "transformers",
    "numpy",
    "pandas",
    "scikit-learn",
    "opensmile",
)


def environment() -> dict:
    """Return ``versions``, ``hardware`` and ``revision`` as a record wants them.

    Nothing is imported for it, and nothing in it names a machine, a user or a path.

    Returns:
        ``versions`` maps packages to versions (None where not installed). ``hardware`` has ``cpu``
        (model), ``cores`` (usable), ``memory_gib`` and ``gpu`` (model; None where torch sees none
        or is not in use). ``revision`` is the git commit of the library, with ``+dirty`` if
        tracked files differ from it; None outside a checkout.
    """
    return {"versions": _versions(), "hardware": _hardware(), "revision": _revision()}


def repository() -> Path:
    """Return the folder of the book: the checkout serlib is installed from, else the current one.

    Raises:
        SerlibError: neither has a ``notebooks`` and a ``book`` folder.
    """
    for folder in (Path(__file__).resolve().parents[1], Path.cwd()):
        if (folder / "notebooks").is_dir() and (folder / "book").is_dir():
            return folder
    raise SerlibError(
        f"{Path.cwd()}: no notebooks/ and book/ here; clone the repository of the book, and run "
        "from its folder or install from it with: pip install -e ."
    )


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def _hardware() -> dict:
    try:
        cores = len(os.sched_getaffinity(0))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, OSError, ValueError):  # Neither macOS nor Windows has all of these.
        cores, memory = os.cpu_count(), None
    # A run that used a GPU has torch loaded: importing it here would only slow down the others.
    torch = sys.modules.get("torch")
    gpu = torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None
    rounded = None if memory is None else round(memory, 1)
    return {"cpu": _cpu(), "cores": cores, "memory_gib": rounded, "gpu": gpu}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache  # The code was imported once: a commit made while it runs does not change it.
def _revision() -> str | None:
    here = Path(__file__).resolve()
    # Tracked or not: a serlib in some project's .venv must not take that project's revision.
    if _git("ls-files", "--error-unmatch", str(here), cwd=here.parent) is None:
        return None
    revision = _git("rev-parse", "HEAD", cwd=here.parent)
    dirty = _git("status", "--porcelain", "--untracked-files=no", cwd=here.parent)
    return f"{revision}+dirty" if dirty else revision


def _git(*arguments: str, cwd: Path) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
