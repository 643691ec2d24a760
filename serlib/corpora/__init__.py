"""Where utterances come from: one schema, one adapter a corpus, one way to load them."""

import difflib
import inspect as _inspect
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from serlib.errors import CorpusError

if TYPE_CHECKING:
    from serlib.corpora.corpus import Corpus

ADAPTERS = (
    "emosynth",
    "emodb",
    "ravdess",
    "dailydialog",
    "meld",
    "emorynlp",
    "iemocap",
    "msp_improv",
    "msp_podcast",
    "crema_d",
    "table",
)
_LAZY = {
    "Corpus": "serlib.corpora.corpus",
    "EMOTIONS": "serlib.corpora.schema",
    "COLUMNS": "serlib.corpora.schema",
    "validate": "serlib.corpora.schema",
    "read_audio": "serlib.corpora.audio",
    "duration": "serlib.corpora.audio",
}
__all__ = [*_LAZY, "adapter", "list_corpora", "load_corpus"]


def __getattr__(name: str) -> object:
    # pandas and soundfile load on first use, so that `import serlib` stays quick.
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def list_corpora() -> list[str]:
    """Return the names that ``load_corpus`` takes."""
    return list(ADAPTERS)


def adapter(name: str) -> ModuleType:
    """Return a corpus' module: ``load``, ``LABELS``, ``LICENCE``, ``DESCRIPTION``.

    Raises:
        CorpusError: no corpus of that name.
    """
    if name not in ADAPTERS:
        near = difflib.get_close_matches(str(name).lower().replace("-", ""), ADAPTERS, 1)
        hint = f"did you mean {near[0]!r}?" if near else "bring your own with 'table'"
        raise CorpusError(f"no corpus {name!r}; there are {', '.join(ADAPTERS)}; {hint}")
    return import_module(f"serlib.corpora.{name}")


def load_corpus(
    name: str, root: str | Path | None = None, *, strict: bool = False, **options: object
) -> "Corpus":
    """Load a corpus by name.

    Args:
        name: one of ``list_corpora()``.
        root: its own folder; None means ``$SERLIB_DATA/corpora/<name>``. EmoSynth is made in the
            cache instead, and ``table`` has no default.
        strict: stop at the first utterance that had to be left out, rather than report it in
            ``Corpus.problems``.
        options: the adapter's own.

    Raises:
        CorpusError: no such corpus, folder or option; or, if strict, an utterance was left out.
    """
    module = adapter(name)
    known = [p for p in _inspect.signature(module.load).parameters if p != "root"]
    for option in options:
        if option not in known:
            there = f"it takes {', '.join(known)}" if known else "it takes none"
            raise CorpusError(f"{name}: no option {option!r}; {there}")
    if name != "emosynth":
        root = _root(name, root)
    corpus = module.load(root, **options)
    errors = [problem for problem in corpus.problems if problem.severity == "error"]
    if strict and errors:
        raise CorpusError(f"{name}: {errors[0]} (and {len(errors) - 1} more; strict is on)")
    return corpus


def _root(name: str, root: str | Path | None) -> Path:
    if root is None:
        if name == "table":
            raise CorpusError("table: root is missing; give the folder with your table and audio")
        if not os.environ.get("SERLIB_DATA"):
            raise CorpusError(
                f"{name}: SERLIB_DATA is unset; set it to the folder that holds corpora/{name}, "
                "or give root"
            )
        root = Path(os.environ["SERLIB_DATA"]) / "corpora" / name
    root = Path(root).expanduser()
    if not root.is_dir():
        raise CorpusError(f"{name}: no folder {root}; check root or SERLIB_DATA")
    return root
