"""``serlib corpora fetch``: show the licence, have it accepted, fetch, check."""

import argparse
import os
import sys
from pathlib import Path

from serlib.errors import CorpusError


def fetch(arguments: argparse.Namespace) -> int:
    """Fetch an open corpus into its folder, then check it; say where others are to be had."""
    from serlib.commands import corpora
    from serlib.corpora import fetch as fetching

    name = arguments.corpus
    origin = fetching.source(name)
    if "files" not in origin:
        _introduce(origin)
        raise CorpusError(fetching.elsewhere(name, origin))
    root = _root(name, arguments.root)
    if fetching.is_there(root):
        print(f"{name}: {root} is there already; nothing is fetched. What is in it:")
    else:
        _introduce(origin)
        if not (arguments.yes or _accepted(name)):
            print(f"{name}: licence not accepted; nothing is fetched")
            return 1
        fetching.fetch(name, root)
        print(f"{name}: complete in {root}")
    # What the check leaves out of a verified copy is the corpus' own defect, not the fetch's.
    corpora.check(argparse.Namespace(corpus=name, root=root, **_CHECK))
    return 0


_CHECK = {"options": [], "strict": False, "json": False}


def _root(name: str, given: str | None) -> Path:
    if given is None and not os.environ.get("SERLIB_DATA"):
        raise CorpusError(
            f"{name}: where to? SERLIB_DATA is unset; set it to the folder that is to hold "
            f"corpora/{name}, or give --root"
        )
    folder = Path(given) if given else Path(os.environ["SERLIB_DATA"]) / "corpora" / name
    return folder.expanduser().absolute()


def _introduce(origin: dict) -> None:
    rows = {key: " ".join(origin[key].split()) for key in _ROWS if key in origin}
    size = sum(file.get("bytes", 0) for file in origin.get("files", ()))
    if size:
        rows["to load"] = f"{size / 1e6:.0f} MB"
    for key, text in rows.items():
        print(f"{key + ':':<9}{text}")


_ROWS = ("title", "what", "licence", "terms", "page", "cite")


def _accepted(name: str) -> bool:
    if not sys.stdin.isatty():
        raise CorpusError(
            f"{name}: its licence must be accepted, and there is no terminal to ask; read it, "
            "then give --yes"
        )
    return input("Do you accept the licence? [y/N] ").strip().lower() in ("y", "yes")
