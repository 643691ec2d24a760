"""The encoders of Pairwise-CL's three views: each makes 128 numbers of an utterance.

Shapes: B utterances, T frames, D dimensions, L layers. An encoder takes a padded sequence and its
lengths (B,). What is padded changes nothing, in training as in use.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from serlib.errors import ParameterError
from serlib.papers.padding import inside

OUT = 128
#: Of the running statistics of batch normalisation. With torch's 0.1, a model that sees two batches
#: an epoch would be judged by the statistics of its random start for ten epochs.
MOMENTUM = 0.3


class FramesEncoder(nn.Module):
    """Frames of a self-supervised model: average its layers, map each frame, average over time.

    Equation: 5.3, with h_l = layer l, w = ``layer_weights``.

    A convolution of one frame is a linear map, and faster as such.

    Args:
        layers: L, the model's hidden states (13 of a base model), or 1: nothing to average.
        dim: D, dimensions of a frame.
        dropout: after both maps.
    """

    def __init__(self, layers: int, dim: int, dropout: float = 0.2):
        super().__init__()
        self.layer_weights = nn.Parameter(torch.zeros(layers))
        step = [nn.ReLU(), nn.Dropout(dropout)]
        self.maps = nn.Sequential(nn.Linear(dim, OUT), *step, nn.Linear(OUT, OUT), *step)

    def average(self, frames: Tensor) -> Tensor:
        """Average the layers by their learned weights, (B, T, L, D) → (B, T, D)."""
        return torch.einsum("btld,l->btd", frames, self.layer_weights.softmax(0))

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Encode frames, (B, T, D) or (B, T, L, D), to (B, 128)."""
        frames = self.average(frames) if frames.ndim == 4 else frames
        within = inside(frames, lengths)[..., None]
        return self.maps(frames).masked_fill(~within, 0).sum(1) / lengths[:, None]


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation whose statistics are of what is not padding; padding becomes 0.

    It works on rows of channels: in four dimensions torch's gradient (2.11, on a CPU) was wrong
    where the strides of what an index had picked fit two memory formats.
    """

    def forward(self, maps: Tensor, within: Tensor | None = None) -> Tensor:
        """Normalise maps (B, C, T, F); within is (B, T), None where nothing is padded."""
        frames = maps.permute(0, 2, 3, 1)
        kept = frames if within is None else frames[within]
        normed = super().forward(kept.flatten(0, -2)).view(kept.shape)
        if within is not None:
            blank = torch.zeros(frames.shape, dtype=normed.dtype, device=normed.device)
            normed = blank.index_put((within,), normed)
        return normed.permute(0, 3, 1, 2)


class SpectrogramEncoder(nn.Module):
    """A log-mel spectrogram: four convolutions with pooling, then the average of what is left.

    Args:
        bands: of the spectrogram, 16 or more.
    """

    def __init__(self, bands: int = 64):
        super().__init__()
        sizes = (1, 16, 32, 64, OUT)
        pairs = list(pairwise(sizes))
        # No bias: the normalisation that follows takes it away.
        self.convolutions = nn.ModuleList(nn.Conv2d(*p, 3, padding=1, bias=False) for p in pairs)
        self.norms = nn.ModuleList(MaskedBatchNorm(size, momentum=MOMENTUM) for size in sizes[1:])
        self.pool = nn.MaxPool2d(2, ceil_mode=True)  # An odd last frame still counts.
        self.bands = bands
        self.to(memory_format=torch.channels_last)  # Twice as fast on a CPU.

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Encode a spectrogram, (B, T, bands), to (B, 128)."""
        padded = bool((lengths < frames.shape[1]).any())
        maps = frames.masked_fill(~inside(frames, lengths)[..., None], 0)[:, None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            within = inside(maps[:, 0], lengths) if padded else None
            # Behind the end is 0, as the convolution has it for a clip on its own. The ReLU lets
            # nothing below 0 pass, so a 0 that was pooled with an odd last frame does not show.
            maps = self.pool(norm(convolution(maps), within)).relu()
            lengths = (lengths + 1) // 2
        return maps.sum((2, 3)) / (lengths[:, None] * maps.shape[3])


class FunctionalsEncoder(nn.Sequential):
    """One vector of functionals: two linear layers, each normalised and rectified.

    Args:
        dim: D, 88 in eGeMAPSv02.
    """

    def __init__(self, dim: int = 88):
        layers = []
        for a, b in [(dim, 256), (256, OUT)]:
            layers += [nn.Linear(a, b), nn.BatchNorm1d(b, momentum=MOMENTUM), nn.ReLU()]
        super().__init__(*layers)

    def forward(self, vectors: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Encode vectors, (B, D) or sequences of one, (B, 1, D), to (B, 128)."""
        return super().forward(vectors.flatten(1))


def make_encoder(view: str, array: np.ndarray) -> nn.Module:
    """Make the encoder of a view that fits an utterance's array.

    Args:
        view: ``"ssl"``, ``"mel"`` or ``"functionals"``.
        array: (T, D) or (T, L, D) of ``ssl``, (T, bands) of ``mel``, (D,) of ``functionals``.

    Raises:
        ParameterError: another view, or an array of another form.
    """
    forms = {"ssl": (2, 3), "mel": (2,), "functionals": (1,)}
    if array.ndim not in forms.get(view, ()):
        raise ParameterError(f"view {view!r}, array {array.shape}: no encoder; see make_encoder")
    if view == "ssl":
        return FramesEncoder(array.shape[1] if array.ndim == 3 else 1, array.shape[-1])
    return {"mel": SpectrogramEncoder, "functionals": FunctionalsEncoder}[view](array.shape[-1])
