"""Pairwise-CL: views of one utterance, drawn together without labels (arXiv 2406.07900).

Every view has its own encoder and projection head. An utterance's projections attract each other,
and are told apart from the other utterances of the batch, in every pair of views.

Read beside chapter 5. Shapes: B utterances, V views, D dimensions.
"""

from collections.abc import Mapping, Sequence

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.errors import ParameterError
from serlib.papers.pairwise_cl_encoders import OUT

HIDDEN = 256


def one_direction(across: Tensor, within: Tensor | None = None) -> Tensor:
    """How hard it is to find each anchor's own utterance in the other view.

    Equation: 5.1, with s_ij = ``across``: anchor i of view a against utterance j of view b,
    cosine / τ; and s'_ij = ``within``: anchor i against utterance j of view a itself.

    Args:
        across: (B, B); the positives are on the diagonal.
        within: (B, B), where the anchors' own view gives negatives as well (as in SimCLR); its
            diagonal, an anchor against itself, does not count.

    Returns:
        ℓ_ab, the mean over the anchors, in nats.
    """
    own = torch.arange(len(across), device=across.device)
    if within is None:
        return F.cross_entropy(across, own)
    itself = torch.eye(len(own), dtype=torch.bool, device=across.device)
    others = within.masked_fill(itself, float("-inf"))
    return F.cross_entropy(torch.cat([across, others], 1), own)


def pairwise_nt_xent(
    projections: Sequence[Tensor], temperature: float = 0.5, same_view_negatives: bool = False
) -> Tensor:
    """The loss of Pairwise-CL: both directions of every pair of views.

    Equation: 5.2, with z_a, z_b = ``projections``, τ = ``temperature``. Similarities are computed
    once for both directions, in full precision also under autocast.

    Args:
        projections: one (B, D) for each of two or more views; row i of all is one utterance.
        temperature: τ, above 0.
        same_view_negatives: whether other utterances of the anchor's own view are negatives too.

    Returns:
        The sum over pairs a < b of ½ (ℓ_ab + ℓ_ba), a scalar.

    Raises:
        ParameterError: fewer than two views, a batch of one, unequal shapes, τ ≤ 0.
    """
    _check(projections, temperature)
    z = [p.to(torch.promote_types(p.dtype, torch.float32)) for p in projections]
    with torch.autocast(z[0].device.type, enabled=False):
        z = [F.normalize(p, dim=1) for p in z]
        own = [p @ p.T / temperature if same_view_negatives else None for p in z]
        loss = z[0].new_zeros(())
        for a in range(len(z)):
            for b in range(a + 1, len(z)):
                across = z[a] @ z[b].T / temperature
                both = one_direction(across, own[a]) + one_direction(across.T, own[b])
                loss = loss + both / 2
    return loss


def _check(projections: Sequence[Tensor], temperature: float) -> None:
    shapes = [tuple(p.shape) for p in projections]
    if len(shapes) < 2:
        raise ParameterError(f"{len(shapes)} view: a pairwise loss needs two or more")
    if len(set(shapes)) > 1 or len(shapes[0]) != 2:
        raise ParameterError(
            f"projections of shapes {shapes}: each view needs the same (batch, dims); "
            "make batches with pairwise_cl_data.Views"
        )
    if shapes[0][0] < 2:
        raise ParameterError("a batch of one utterance has no negatives; make batches of 2 or more")
    if not temperature > 0:
        raise ParameterError(f"temperature {temperature}: must be above 0")


class ProjectionHead(nn.Sequential):
    """What the loss sees of an encoder's output; thrown away after pre-training."""

    def __init__(self, dim: int = OUT, hidden: int = HIDDEN, out: int = OUT):
        super().__init__(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, out))


class PairwiseCL(L.LightningModule):
    """The encoders of all views and their heads, in pre-training.

    The validation score is minus the loss of the validation part as one batch: nothing else is
    known without labels, and its number of negatives is the same in every epoch.

    Args:
        encoders: view → encoder, each (inputs, lengths) → (B, 128).
        temperature: τ.
        same_view_negatives: see `pairwise_nt_xent`.
        lr: Adam's learning rate.
        rates: view → another rate for its encoder and head.

    Raises:
        ParameterError: fewer than two views, τ ≤ 0, or a rate for a view that is not there.
    """

    monitor = "minus_loss"

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        temperature: float = 0.5,
        same_view_negatives: bool = False,
        lr: float = 1e-3,
        rates: Mapping[str, float] | None = None,
    ):
        super().__init__()
        _check([torch.empty(2, 1)] * len(encoders), temperature)
        self.temperature, self.same_view_negatives = temperature, same_view_negatives
        self.rates = dict.fromkeys(encoders, lr) | dict(rates or {})
        if unknown := self.rates.keys() - encoders.keys():
            raise ParameterError(f"rates: no view {', '.join(sorted(unknown))}")
        self.encoders = nn.ModuleDict(encoders)
        self.heads = nn.ModuleDict({view: ProjectionHead() for view in encoders})
        self._seen: list[list[Tensor]] = []

    def forward(self, views: Mapping[str, tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Return the projections, (B, 128) for each view."""
        return [self.heads[v](encode(*views[v])) for v, encode in self.encoders.items()]

    def training_step(self, batch, _):
        """Return the loss of a batch."""
        projections = self(batch["views"])
        loss = pairwise_nt_xent(projections, self.temperature, self.same_view_negatives)
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(projections[0]))
        return loss

    def validation_step(self, batch, _):
        """Keep the projections: the loss of the part is not the mean of its batches'."""
        self._seen.append([p.float() for p in self(batch["views"])])

    def on_validation_epoch_end(self):
        """Log minus the loss of the whole validation part."""
        whole = [torch.cat(parts) for parts in zip(*self._seen, strict=True)]
        self._seen.clear()
        loss = pairwise_nt_xent(whole, self.temperature, self.same_view_negatives)
        self.log("minus_loss", -loss, prog_bar=True)

    def configure_optimizers(self):
        """Adam, with each view's own rate."""
        groups = [
            {"params": [*self.encoders[v].parameters(), *self.heads[v].parameters()], "lr": lr}
            for v, lr in self.rates.items()
        ]
        return torch.optim.Adam(groups)
