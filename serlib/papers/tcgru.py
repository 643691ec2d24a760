"""TC-GRU: a small network from frames to activation, valence and dominance (arXiv 2312.16180).

A convolution over time and a recurrent layer read the frames; the mean of the states is mapped to
the grades that raters gave on average, and to how much they disagreed.

Read beside chapter 8. Shapes: B utterances, T frames, D dimensions, K graded dimensions.
"""

import warnings

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from serlib.papers.cost import macs, on_meta
from serlib.papers.cost import parameters as count
from serlib.papers.padding import inside
from serlib.protocols.metrics import ccc


class TCGRU(L.LightningModule):
    """The network, its losses, and the validation CCC that chooses the epoch.

    Equation: 8.5, with Conv = ``convolution``, GRU = ``recurrent``, W = ``out``. Padded frames
    enter neither the states of an utterance nor their mean.

    Args:
        input_dim: D, dimensions of a frame.
        targets: K; the outputs are K grades and K variances.
        filters: of the convolution.
        hidden: size of the recurrent state.
        kernel: frames that the convolution sees, an odd number.
        variance_weight: λ, what the variances count in the loss; 0 ignores them.
        lr: Adam's learning rate.
    """

    monitor = "ccc"

    def __init__(
        self,
        input_dim: int,
        targets: int = 3,
        filters: int = 128,
        hidden: int = 128,
        kernel: int = 3,
        variance_weight: float = 0.5,
        lr: float = 1e-3,
    ):
        super().__init__()
        self.targets, self.variance_weight, self.lr = targets, variance_weight, lr
        self.convolution = nn.Conv1d(input_dim, filters, kernel, padding=kernel // 2)
        self.recurrent = nn.GRU(filters, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 2 * targets)
        self._seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Predict (B, 2K), grades then variances, from frames (B, T, D) and their lengths (B,)."""
        within = inside(frames, lengths)
        # What lies behind the end must be 0 for the convolution, as it is for a clip on its own.
        frames = frames * within[..., None]
        states, _ = self.recurrent(self.convolution(frames.transpose(1, 2)).relu().transpose(1, 2))
        mean = (states * within[..., None]).sum(1) / lengths[:, None]
        return self.out(mean)

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return 1 − CCC of grades and of variances by target, and their sum as ``loss``.

        Args:
            batch: ``frames``, ``lengths``, ``grades`` (B, K), ``variances`` (B, K; NaN where one
                rater alone has graded).
        """
        grades, variances = self(batch["frames"], batch["lengths"]).float().split(self.targets, 1)
        of_grades = 1 - concordance(grades, batch["grades"])
        of_variances = 1 - concordance(variances, batch["variances"])
        loss = total_loss(of_grades, of_variances, self.variance_weight)
        return {"loss": loss, "grades": of_grades.mean(), "variances": of_variances.mean()}

    def training_step(self, batch, _):
        """Sum the losses, and log each under its own name."""
        losses = self.losses(batch)
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(batch["lengths"]))
        return losses["loss"]

    def validation_step(self, batch, _):
        """Keep the predictions: CCC is of the whole part, never of a batch."""
        predicted = self.predict_step(batch, _)[:, : self.targets]
        self._seen.append((batch["grades"].cpu(), predicted.cpu()))

    def on_validation_epoch_end(self):
        """Log the CCC of the validation part, the mean over targets."""
        truth, prediction = (np.concatenate(part) for part in zip(*self._seen, strict=True))
        self._seen.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # It would say every epoch that a target is constant.
            value = np.mean([ccc(t, p) for t, p in zip(truth.T, prediction.T, strict=True)])
        self.log("ccc", float(value), prog_bar=True)

    def predict_step(self, batch, _):
        """Return grades and variances, (B, 2K)."""
        return self(batch["frames"], batch["lengths"]).float()

    def configure_optimizers(self):
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def concordance(prediction: Tensor, truth: Tensor) -> Tensor:
    """Concordance correlation of each column, over the rows whose truth is a number.

    Equation: 8.7, with x = ``prediction``, y = ``truth``.

    Args:
        prediction: (B, K).
        truth: (B, K); NaN leaves a value out.

    Returns:
        (K,), between −1 and 1; 0 for a column with fewer than two values or without any spread.
    """
    there = ~truth.isnan()
    n = there.sum(0).clamp(min=1)
    x, y = prediction * there, truth.where(there, torch.zeros_like(truth))
    mean_x, mean_y = x.sum(0) / n, y.sum(0) / n
    x, y = (x - mean_x) * there, (y - mean_y) * there
    spread = x.square().sum(0) / n + y.square().sum(0) / n + (mean_x - mean_y).square()
    covariance = (x * y).sum(0) / n
    # Without spread the covariance is 0 as well; the bound keeps 0 / 0 out of the gradient.
    return 2 * covariance / spread.clamp(min=1e-8)


def total_loss(grades: Tensor, variances: Tensor, variance_weight: float) -> Tensor:
    """Add the losses of the grades and, weighted, of the variances.

    Equation: 8.9, with α = β = γ = 1/K and λ = ``variance_weight``.

    Args:
        grades: 1 − CCC of activation, valence and dominance, (K,).
        variances: 1 − CCC of their variances, (K,).
        variance_weight: 0 leaves the variances out.
    """
    return grades.mean() + variance_weight * variances.mean()


def cost(input_dim: int, frames: int = 300, **layout: int) -> dict[str, int]:
    """Count a TC-GRU.

    Equation: 8.6, with m = ``input_dim``, F = ``filters``, H = ``hidden``, k = ``kernel``, and
    O = 2K outputs. The test compares the count with the formula.

    Args:
        input_dim: dimensions of a frame that are kept, m.
        frames: length of the input, T.
        layout: ``targets``, ``filters``, ``hidden``, ``kernel`` of `TCGRU`.

    Returns:
        ``parameters``, and ``macs`` of an utterance.
    """
    model = on_meta(lambda: TCGRU(input_dim, **layout))
    clip = torch.empty(1, frames, input_dim, device="meta")
    length = torch.empty(1, device="meta")
    return {"parameters": count(model), "macs": macs(lambda: model(clip, length))}
