"""CLTNet: a CNN and an LSTM for audio, a transformer for text, fused (arXiv 2302.08650).

Read beside chapter 7. Shapes: B utterances, T frames or word pieces, D dimensions. A modality is a
padded sequence (B, T, D) with its lengths (B,); a vector is a sequence of length 1. What is padded
changes nothing.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.errors import ParameterError
from serlib.papers.padding import inside
from serlib.training import EmotionClassifier

Sequences = tuple[Tensor, Tensor]
OUT = 100


def padding(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Return which places are padding, (B, T)."""
    return ~inside(sequence, lengths)


def max_pool(sequence: Tensor, lengths: Tensor) -> Tensor:
    """Return the largest value of each dimension over time, (B, T, D) → (B, D)."""
    hidden = padding(sequence, lengths)[..., None]
    return sequence.masked_fill(hidden, float("-inf")).amax(1)


def run_lstm(lstm: nn.LSTM, sequence: Tensor, lengths: Tensor) -> Tensor:
    """Return a one-directional LSTM's outputs, (B, T, D), 0 where there is padding.

    It comes to the padding last, so what it says before does not depend on it; to run over it costs
    a fifth of packing the sequences, on a CPU.
    """
    return lstm(sequence)[0].masked_fill(padding(sequence, lengths)[..., None], 0)


class AudioEncoder(nn.Module):
    """Three convolutions of different reach and an LSTM, each pooled over time.

    Equation: 7.3

    Args:
        dim: dimensions of a frame.
        width: filters of each convolution, and units of the LSTM (300 in the paper).
    """

    def __init__(self, dim: int, width: int = 300):
        super().__init__()
        # Padding of 2 on both sides: even a clip of one frame is long enough for every filter.
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, width, k, padding=2) for k in (3, 4, 5))
        self.lstm = nn.LSTM(dim, width, batch_first=True)
        self.out = nn.Linear(4 * width, OUT)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Encode frames x, (B, T, D), to a, (B, 100)."""
        frames = frames.masked_fill(padding(frames, lengths)[..., None], 0)
        parts = [max_pool(run_lstm(self.lstm, frames, lengths), lengths)]
        for convolution in self.convolutions:
            # Output t reaches over inputs t − 2 … t − 3 + k, so there are T + 5 − k of them.
            found = convolution(frames.mT).relu().mT
            parts.append(max_pool(found, lengths + 5 - convolution.kernel_size[0]))
        return self.out(torch.cat(parts, 1))


class AttentionPooling(nn.Module):
    """Weigh the places of a sequence by one score each.

    Equation: 7.4, with w, b = ``score``.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.score = nn.Linear(dim, 1)

    def forward(self, sequence: Tensor, lengths: Tensor) -> Tensor:
        """Pool z, (B, T, D), to (B, D)."""
        hidden = padding(sequence, lengths)[..., None]
        weights = self.score(sequence).masked_fill(hidden, float("-inf")).softmax(1)
        return (weights * sequence).sum(1)


class TextEncoder(nn.Module):
    """A transformer over word pieces, pooled by attention.

    Args:
        dim: dimensions of a word piece.
        layers: of the transformer (5 in the paper).
        dropout: in the transformer.
    """

    def __init__(self, dim: int, layers: int = 5, dropout: float = 0.1):
        super().__init__()
        self.reduce = nn.Linear(dim, OUT)
        layer = nn.TransformerEncoderLayer(OUT, 5, 4 * OUT, dropout, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.pool = AttentionPooling(OUT)

    def forward(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        """Encode word pieces, (B, T, D), to (B, 100)."""
        hidden = padding(pieces, lengths)
        z = self.transformer(self.reduce(pieces), src_key_padding_mask=hidden)
        return self.pool(z, lengths)


class Fusion(nn.Module):
    """A hidden layer with a way around it, then the classifier.

    Equation: 7.5, with W_h, b_h = ``hidden`` and W_c, b_c = ``classify``.
    """

    def __init__(self, inputs: int, emotions: int):
        super().__init__()
        self.reduce = nn.Linear(inputs, OUT)
        self.hidden = nn.Linear(OUT, OUT)
        self.classify = nn.Linear(OUT, emotions)

    def forward(self, parts: Tensor) -> Tensor:
        """Map the modalities' vectors, (B, inputs), to logits (B, emotions)."""
        h = self.reduce(parts)
        return self.classify(h + self.hidden(h).relu())


def distribution_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Divergence of the predicted distribution from the raters'.

    Equation: 7.6, with ŷ = softmax(``logits``), y = ``target``, both (B, emotions).

    Returns:
        KL(y ‖ ŷ) in nats, the mean over the batch.
    """
    return F.kl_div(logits.log_softmax(1), target, reduction="batchmean")


class DistributionClassifier(EmotionClassifier):
    """A classifier of audio, text or both that learns label distributions; the papers' hosts.

    A subclass gives ``forward(features)`` → logits (B, emotions). Training watches the divergence
    from the raters of the validation part, with its sign turned: more is better.
    """

    inputs = "features"
    monitor = "minus_divergence"

    def losses(self, batch: Mapping) -> dict[str, Tensor]:
        """Return the divergence from the batch's ``target``."""
        return {"loss": distribution_loss(self(batch["features"]), batch["target"])}

    def validation_step(self, batch: Mapping, _):
        """Keep the outputs beside the raters' distributions."""
        self._seen.append((batch["target"].cpu(), self(batch["features"]).float().cpu()))

    def dev_score(self, truth: np.ndarray, logits: np.ndarray) -> float:
        """Return minus the divergence of logits from truth, both (n, emotions)."""
        return -distribution_loss(torch.from_numpy(logits), torch.from_numpy(truth)).item()

    def configure_optimizers(self):
        """Adam with weight decay, at a constant rate."""
        return torch.optim.Adam(self.parameters(), lr=self.lr, weight_decay=1e-5)


class CLTNet(DistributionClassifier):
    """CLTNet on audio, on text, or on both.

    Args:
        labels: the emotions, in the order of the outputs.
        dims: modality → its dimensions; ``audio``, ``text`` or both.
        width: of the audio encoder.
        layers: of the text encoder.
        lr: Adam's learning rate.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        dims: Mapping[str, int],
        width: int = 300,
        layers: int = 5,
        lr: float = 1e-3,
    ):
        super().__init__(labels, lr=lr)
        make = {"audio": lambda d: AudioEncoder(d, width), "text": lambda d: TextEncoder(d, layers)}
        if not dims or not dims.keys() <= make.keys():
            raise ParameterError(f"modalities {list(dims)}: use audio, text or both")
        self.encoders = nn.ModuleDict({name: make[name](dim) for name, dim in dims.items()})
        self.fusion = Fusion(OUT * len(dims), len(labels))

    def forward(self, features: Mapping[str, Sequences]) -> Tensor:
        """Return logits, (B, emotions)."""
        parts = [encode(*features[name]) for name, encode in self.encoders.items()]
        return self.fusion(torch.cat(parts, 1))
