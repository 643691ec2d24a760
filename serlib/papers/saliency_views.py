"""The views of chapter 8: encoders by name, an untrained one, and any view of distorted speech."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

import numpy as np

from serlib.errors import ViewError
from serlib.papers.saliency_noise import add_noise, reverberate
from serlib.views.base import View
from serlib.views.byol import ByolS, architecture
from serlib.views.filterbanks import LogMel
from serlib.views.speech import SpeechModel

#: What is done to the test part, and its size: a signal-to-noise ratio in dB, a T60 in seconds.
CONDITIONS = {
    "clean": (None, 0.0),
    "noise 20 dB": (add_noise, 20.0),
    "noise 10 dB": (add_noise, 10.0),
    "noise 5 dB": (add_noise, 5.0),
    "noise 0 dB": (add_noise, 0.0),
    "room 0.3 s": (reverberate, 0.3),
    "room 1.0 s": (reverberate, 1.0),
}


@dataclass(frozen=True)
class Untrained(ByolS):
    """BYOL-S's network with random weights: the control for what its training has given.

    Attributes:
        seed: of the weights.
    """

    seed: int = 0
    code_revision: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """``untrained``, or ``untrained-frames``."""
        return super().name.replace("byol-s", "untrained")

    def config(self) -> dict:
        """The fields; there are no weights to name."""
        return {**super().config(), "weights": None}

    def network(self):
        """Make the network; the seed alone decides its weights."""
        return _untrained(self.seed)


@dataclass(frozen=True)
class Distorted(View):
    """Another view, of speech that noise or a room has made harder.

    Attributes:
        view: what sees the distorted speech.
        condition: one of `CONDITIONS`.
        seed: of the noise and the room.
    """

    view: View = field(default_factory=lambda: ByolS(frames=True))
    condition: str = "clean"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.condition not in CONDITIONS:
            raise ViewError(f"condition {self.condition!r}: use one of {', '.join(CONDITIONS)}")

    @property
    def name(self) -> str:
        """``<view>-<condition>``."""
        return f"{self.view.name}-{self.condition.replace(' ', '-')}"

    @property
    def packages(self) -> tuple[str, ...]:
        """Those of the view, and torchaudio, which distorts."""
        return (*self.view.packages, "torchaudio")

    @property
    def shortest(self) -> int:
        """As the view."""
        return self.view.shortest

    def config(self) -> dict:
        """The view's fingerprint, and the distortion."""
        return {"view": self.view.fingerprint, "condition": self.condition, "seed": self.seed}

    def prepare(self) -> None:
        """Load the view's weights."""
        self.view.prepare()

    def _compute(self, waveform: np.ndarray) -> np.ndarray:
        change, size = CONDITIONS[self.condition]
        if change is not None:
            waveform = change(waveform, size, seed=self.seed)
        return self.view._compute(waveform)


def encoder(name: str) -> View:
    """Return the frame-level view of an encoder.

    Args:
        name: ``"byol-s"``, ``"untrained"``, ``"logmel"``, or a transformers model: a hub name such
            as ``facebook/hubert-large-ll60k``, or a local folder.
    """
    if name == "logmel":
        return LogMel()
    known = {"byol-s": ByolS, "untrained": Untrained}
    return known[name](frames=True) if name in known else SpeechModel(name)


@lru_cache(maxsize=2)
def _untrained(seed: int):
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return architecture().eval().requires_grad_(False)
