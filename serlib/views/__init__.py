"""How an utterance is seen: filterbanks, functionals, self-supervised and text embeddings.

A view is a frozen configuration with an ``extract`` method; ``load(corpus, view)`` gives the
utterance-aligned arrays from the store and computes what is missing. Names load when used.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serlib.views.base import View

_WHERE = {
    "View": "base",
    "Store": "store",
    "load": "extraction",
    "Features": "features",
    "Fbank": "filterbanks",
    "LogMel": "filterbanks",
    "Egemaps": "egemaps",
    "EgemapsLLD": "egemaps",
    "SpeechModel": "speech",
    "ByolS": "byol",
    "Sentence": "text",
    "WordPieces": "text",
}
__all__ = [*_WHERE, "available"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def available() -> dict[str, Callable[[], "View"]]:
    """Give, by slug, what makes each view with its defaults; models are named by hand instead."""
    slugs = {
        "fbank": "Fbank",
        "logmel": "LogMel",
        "egemaps": "Egemaps",
        "egemaps-lld": "EgemapsLLD",
        "byol-s": "ByolS",
        "sentence": "Sentence",
        "wordpieces": "WordPieces",
    }
    made = {slug: lambda name=name: __getattr__(name)() for slug, name in slugs.items()}
    made["byol-s-frames"] = lambda: __getattr__("ByolS")(frames=True)
    made["wav2vec2-base"] = lambda: __getattr__("SpeechModel")("facebook/wav2vec2-base")
    return made
