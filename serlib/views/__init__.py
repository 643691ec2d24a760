"""How an utterance is seen: filterbanks, functionals, self-supervised and text embeddings.

A view is a frozen configuration with an ``extract`` method; ``load(corpus, view)`` gives the
utterance-aligned arrays from the store and computes what is missing. Names load when used.
"""

from importlib import import_module

_WHERE = {
    "View": "base",
    "Store": "store",
    "load": "extraction",
    "Features": "extraction",
    "Fbank": "filterbanks",
    "LogMel": "filterbanks",
}
__all__ = [*_WHERE]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
