"""How a claim is tested: splits, the leakage audit, metrics, and how sure a number is.

Names load on use, so that ``import serlib.protocols`` stays light.
"""

from importlib import import_module

_HOME = {
    "Fold": "folds",
    "leave_one_speaker_out": "splits",
    "leave_one_session_out": "splits",
    "grouped_k_fold": "splits",
    "official_split": "splits",
    "cross_corpus": "splits",
    "label_fraction": "splits",
    "audit": "leakage",
    "assert_clean": "leakage",
    "audio_content": "leakage",
    "METRICS": "metrics",
    "uar": "metrics",
    "wa": "metrics",
    "f1": "metrics",
    "mcc": "metrics",
    "dialects": "scoring",
    "copied_turns": "copies",
    "ccc": "metrics",
    "scores": "metrics",
    "confusion": "metrics",
    "Interval": "uncertainty",
    "PairedResult": "uncertainty",
    "probe": "probes",
    "svm_by_speaker": "baseline",
    "vote_counts": "agreement",
    "alpha_votes": "agreement",
    "alpha_grades": "agreement",
    "within_speaker": "effects",
    "bootstrap": "uncertainty",
    "paired": "uncertainty",
    "random_k_fold": "contrasts",
    "leave_out": "contrasts",
    "Components": "variance",
    "components": "variance",
    "design_effect": "simulation",
    "coverage": "simulation",
    "power": "simulation",
    "simulated_p": "simulation",
    "holm": "many",
    "pwcca": "alignment",
    "pwcca_floor": "alignment",
}

__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
