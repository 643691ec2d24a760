"""BYOL-S/512: a small self-supervised speech encoder that runs on any CPU.

Source: Elbanna et al. 2022 (doi 10.48550/arXiv.2203.16637), on the AudioNTT2020 network of BYOL-A
(Niizumi et al. 2021, doi 10.1109/IJCNN52387.2021.9534474).
"""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from serlib.errors import ViewError
from serlib.views.base import View
from serlib.views.extraction import CorpusLike, one_torch_thread
from serlib.views.filterbanks import LogMel

if TYPE_CHECKING:
    from torch import nn

SHA256 = "449f5d0dc6b6fa8433d5e43769097520d3bc0fdae88977a7ac29e2e72ca51b52"
_EPSILON = float(np.finfo(np.float32).eps)
_INPUT = LogMel(
    bands=64, fft=1024, window=1024, hop=160, low=60, high=7800, scale="htk", floor=_EPSILON
)


@dataclass(frozen=True)
class ByolS(View):
    """BYOL-S/512: log-mel → three convolution blocks → two linear layers a frame.

    Shape (512,), the maximum plus the mean over frames; or (frames, 512), one every 80 ms.

    The input is standardised by two numbers. By default they are each clip's own mean and standard
    deviation, so no statistic crosses from test to training and nothing has to be chosen; the
    published model takes a corpus' ones, which ``standardised`` computes over training utterances.

    Attributes:
        frames: frame-level output instead of one vector.
        mean: of the log-mel values of the training utterances; None for the clip's own.
        std: their standard deviation; None for the clip's own.
        weights: the weights file; None looks in ``$SERLIB_DATA/models/byol_s``.
    """

    frames: bool = False
    mean: float | None = None
    std: float | None = None
    weights: str | Path | None = field(default=None, metadata={"fingerprint": False})
    packages: ClassVar[tuple[str, ...]] = ("torch", "torchaudio")
    code_revision: ClassVar[int] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.mean is None) != (self.std is None) or (self.std is not None and self.std <= 0):
            raise ViewError("ByolS: give both mean and a positive std, or neither")

    @property
    def name(self) -> str:
        """``byol-s``, or ``byol-s-frames``."""
        return "byol-s-frames" if self.frames else "byol-s"

    @property
    def shortest(self) -> int:
        """One window; its seven or more centred frames make one after three poolings by two."""
        return max(_INPUT.window, 7 * _INPUT.hop)

    def config(self) -> dict:
        """The fields, and which weights."""
        return {**super().config(), "weights": SHA256}

    def prepare(self) -> None:
        """Load the weights and check what they are."""
        self.network()
        _INPUT.prepare()

    def network(self) -> "nn.ModuleDict":
        """Give the network with its weights."""
        return _load(find_weights(self.weights))

    def standardised(self, corpus: CorpusLike, utterances: Iterable[str]) -> "ByolS":
        """Return this view with the mean and std of the given (training) utterances' log-mel.

        Every time-frequency value counts once, so long clips weigh more.
        """
        count, total, squares = 0, 0.0, 0.0
        with one_torch_thread(self):
            for utterance in utterances:
                values = _INPUT.extract(*corpus.audio(utterance)).astype(np.float64)
                count += values.size
                total += values.sum()
                squares += np.square(values).sum()
        if count < 2:
            raise ViewError(
                "byol-s: no utterances to take the mean and std of; give a training set"
            )
        mean = total / count
        std = float(np.sqrt((squares - count * mean**2) / (count - 1)))
        return replace(self, mean=round(float(mean), 6), std=round(std, 6))

    def _compute(self, waveform: np.ndarray) -> np.ndarray:
        import torch

        network = self.network()
        seen = torch.from_numpy(_INPUT._compute(waveform)).T
        mean, std = (seen.mean(), seen.std()) if self.mean is None else (self.mean, self.std)
        with torch.inference_mode():
            maps = network["features"](((seen - mean) / std)[None, None])
            hidden = network["fc"](maps.permute(0, 3, 2, 1).flatten(2))[0]
            return (hidden if self.frames else hidden.amax(0) + hidden.mean(0)).numpy()


def find_weights(path: str | Path | None) -> Path:
    """Find the weights file.

    Raises:
        ViewError: there is none.
    """
    if path is not None:
        path = Path(path).expanduser()
        if not path.is_file():
            raise ViewError(f"{path}: no BYOL-S weights there; check the path")
        return path
    root = os.environ.get("SERLIB_DATA")
    if not root:
        raise ViewError("byol-s: give weights=, or point SERLIB_DATA at the folder with models/")
    found = sorted(Path(root).glob("models/byol_s/*.pth"))
    if not found:
        raise ViewError(f"{root}/models/byol_s: no .pth file; put the BYOL-S/512 weights there")
    return found[0]


@lru_cache(maxsize=2)
def _load(path: Path) -> "nn.ModuleDict":
    import torch

    got = hashlib.sha256(path.read_bytes()).hexdigest()
    if got != SHA256:
        raise ViewError(
            f"{path}: sha256 is {got[:12]}…, not {SHA256[:12]}…; fetch the BYOL-S/512 weights again"
        )
    network = architecture()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval().requires_grad_(False)


def architecture() -> "nn.ModuleDict":
    """Make the network, its weights not yet loaded: ``features``, then ``fc`` for each frame."""
    from torch import nn

    blocks = []
    for channels in (1, 64, 64):
        blocks += [nn.Conv2d(channels, 64, 3, padding=1), nn.BatchNorm2d(64)]
        blocks += [nn.ReLU(), nn.MaxPool2d(2)]
    linear = [nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.3), nn.Linear(512, 512), nn.ReLU()]
    return nn.ModuleDict({"features": nn.Sequential(*blocks), "fc": nn.Sequential(*linear)})
