"""The views of chapter 5: self-supervised frames by a model's name, cut and standardised arrays."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from serlib.papers.pdds_data import Standardised
from serlib.papers.saliency_views import Untrained
from serlib.views import weights
from serlib.views.base import View
from serlib.views.byol import ByolS
from serlib.views.speech import SpeechModel

Arrays = Mapping[str, np.ndarray]


def self_supervised(model: str) -> View:
    """Return the self-supervised view of a model, by frames.

    Args:
        model: ``"byol-s"``, ``"untrained"`` (BYOL-S's network with random weights), or a
            transformers speech model by hub name or folder: all its hidden states, in half
            precision.
    """
    known = {"byol-s": ByolS, "untrained": Untrained}
    if model in known:
        return known[model](frames=True)
    config = json.loads((weights.find(model) / "config.json").read_text(encoding="utf-8"))
    return SpeechModel(model, layers=range(config["num_hidden_layers"] + 1), dtype="float16")


class Beginnings(Mapping):
    """Arrays cut to their first frames; those that are shorter, and vectors, stay as they are."""

    def __init__(self, features: Arrays, frames: int):
        self.features, self.frames = features, frames

    def __getitem__(self, utterance: str) -> np.ndarray:
        array = self.features[utterance]
        return array if array.ndim == 1 else array[: self.frames]

    def __iter__(self):
        return iter(self.features)

    def __len__(self):
        return len(self.features)


def prepared(features: Arrays, train: Sequence[str], frames: int | None = None) -> Arrays:
    """Cut to the first frames, and z-score every dimension by the training part.

    Args:
        features: of one view, from the store.
        train: the training part; utterances that the view lacks are passed over.
        frames: how many are kept (the paper keeps 15 s); None keeps all.
    """
    features = features if frames is None else Beginnings(features, frames)
    return Standardised(features, [u for u in train if u in features])
