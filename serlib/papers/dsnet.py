"""DSNet: a disentangled Siamese network with neutral calibration (arXiv 2312.15593).

An encoder turns an utterance into one deep vector h. Two projectors split h into an
emotion-irrelevant part z_ei and an emotion-relevant part z_er. In training, z_ei is pulled towards
the deep vector of *neutral* speech of the same speaker; emotion is read from z_er alone.

Read beside chapter 4. Shapes: B utterances, T frames, M = 80 mel bands, D = 256 dimensions.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.functional import compute_deltas

from serlib.papers.cost import elementwise, macs, on_meta, parameters
from serlib.training import EmotionClassifier

DIM = 256
VARIANTS = {
    "base": {"siamese": False},
    "dsnet": {},
    "no-orthogonality": {"alpha": 0.0},
    "no-restoration": {"beta": 0.0},
    "no-calibration": {"gamma": 0.0},
    "other-speaker": {"reference": "other"},
}


def stack_deltas(fbank: Tensor) -> Tensor:
    """Append first and second differences in time as channels.

    Equation: 4.1

    Args:
        fbank: x, (B, T, M) log filterbank energies.

    Returns:
        (B, 3, T, M): x, its difference Δ over five frames, and ΔΔ.
    """
    x = fbank.transpose(1, 2)
    delta = compute_deltas(x, win_length=5)
    return torch.stack([x, delta, compute_deltas(delta, win_length=5)], 1).transpose(2, 3)


class AttentionPooling(nn.Module):
    """Pool frames into one vector; every dimension chooses its own frames.

    Equation: 4.2, with W_a = ``attention``, W_c = ``content``.
    """

    def __init__(self, channels: int, dim: int = DIM):
        super().__init__()
        self.attention = nn.Conv1d(channels, dim, 1)
        self.content = nn.Conv1d(channels, dim, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Pool frames x, (B, channels, T), to h, (B, dim)."""
        weights = self.attention(frames).clamp(-10, 10).softmax(-1)
        return (weights * self.content(frames).sigmoid()).sum(-1)


class Encoder(nn.Module):
    """E: four convolution blocks, the mean over frequency, attention pooling over time."""

    def __init__(self, width: int = 32, bands: int = 80, dropout: float = 0.2):
        super().__init__()
        self.normalise = nn.BatchNorm2d(bands)
        channels = [3, width, 2 * width, 4 * width, 8 * width]
        self.blocks = nn.Sequential(*(self._block(i, o, dropout) for i, o in pairwise(channels)))
        self.pool = AttentionPooling(channels[-1])

    @staticmethod
    def _block(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 5, padding=2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode x, (B, 3, T, M), to h, (B, 256). T must be at least 16 frames."""
        x = self.normalise(x.transpose(1, 3)).transpose(1, 3)
        return self.pool(self.blocks(x).mean(3))


class AttTrans(nn.Module):
    """Weigh each dimension by a gate with a skip connection, then map to another size.

    Equation: 4.3, with W₁ = ``squeeze``, W₂ = ``excite``, W₃ = ``out``.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.squeeze = nn.Linear(inputs, inputs // 2)
        self.excite = nn.Linear(inputs // 2, inputs)
        self.out = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map x, (B, inputs), to (B, outputs)."""
        gate = self.excite(self.squeeze(x).relu()).sigmoid()
        return self.out(gate * x + x).relu()


def projector() -> nn.Sequential:
    """Make P: a projection of h onto one subspace, 256 → 128 → 256."""
    return nn.Sequential(AttTrans(DIM, DIM // 2), AttTrans(DIM // 2, DIM))


def orthogonality_loss(z_ei: Tensor, z_er: Tensor) -> Tensor:
    """Penalise what the two subspaces have in common.

    Equation: 4.4

    Args:
        z_ei: emotion-irrelevant vectors, (B, D).
        z_er: emotion-relevant vectors, (B, D).

    Returns:
        L_orth, a scalar: the mean squared entry of the D × D matrix of products, after
        centring over the batch and scaling each row to length 1. The length is a constant to the
        gradient, as in the released code.
    """

    def unit_rows(z: Tensor) -> Tensor:
        z = z - z.mean(0)
        return z / (z.norm(dim=1, keepdim=True).detach() + 1e-6)

    return (unit_rows(z_ei).T @ unit_rows(z_er)).square().mean()


def restoration_loss(h: Tensor, restored: Tensor) -> Tensor:
    """Penalise what the two subspaces together have lost of h.

    Equation: 4.5

    Args:
        h: deep vectors, (B, D).
        restored: ĥ, the restorer's output from [z_ei; z_er], (B, D).

    Returns:
        L_rec, a scalar: the mean squared difference.
    """
    return F.mse_loss(restored, h)


def calibration_loss(z_ei: Tensor, h_n: Tensor, divergence: str = "jsd") -> Tensor:
    """Pull the emotion-irrelevant part towards the same speaker's neutral speech.

    Equation: 4.6

    Args:
        z_ei: emotion-irrelevant vectors, (B, D); p = softmax(z_ei).
        h_n: deep vectors of the neutral references, (B, D); q = softmax(h_n).
        divergence: ``"jsd"`` for Jensen–Shannon (released code), ``"kl"`` for KL(p‖q) (paper).

    Returns:
        L_neutral, a scalar in nats, the mean over the batch. The gradient reaches h_n too.
    """
    log_p, log_q = z_ei.log_softmax(1), h_n.log_softmax(1)
    if divergence == "kl":
        return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    if divergence != "jsd":
        raise ValueError(f"divergence {divergence!r} is unknown; use 'jsd' or 'kl'")
    log_m = torch.logsumexp(torch.stack([log_p, log_q]), 0) - torch.log(torch.tensor(2.0))
    halves = (F.kl_div(log_m, x, reduction="batchmean", log_target=True) for x in (log_p, log_q))
    return sum(halves) / 2


def total_loss(
    cross_entropy: Tensor,
    orthogonality: Tensor,
    restoration: Tensor,
    calibration: Tensor,
    alpha: float = 1.0,
    beta: float = 1.0,
    gamma: float = 1.0,
) -> Tensor:
    """Add the four losses.

    Equation: 4.7, with α = ``alpha``, β = ``beta``, γ = ``gamma`` (all 1 in the released code).
    """
    return cross_entropy + alpha * orthogonality + beta * restoration + gamma * calibration


class DSNet(EmotionClassifier):
    """DSNet, and with ``siamese=False`` its base: encoder and classifier alone.

    Args:
        labels: the emotions, in the order of the outputs.
        width: w, channels of the first block: 32 is the paper's size, 64 the released code's.
        siamese: False leaves the subspaces, the neutral references and their losses away.
        alpha: weight of the orthogonality loss.
        beta: weight of the restoration loss.
        gamma: weight of the calibration loss.
        divergence: see `calibration_loss`.
        lr: Adam's learning rate.
        plateau: epochs without a better validation UAR before the rate falls to a tenth.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        width: int = 32,
        siamese: bool = True,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        divergence: str = "jsd",
        lr: float = 1e-3,
        plateau: int = 15,
    ):
        super().__init__(labels, lr=lr, plateau=plateau)
        self.siamese, self.divergence = siamese, divergence
        self.weights = {"alpha": alpha, "beta": beta, "gamma": gamma}
        # This memory layout halves the time of a convolution on the CPU; the numbers are the same.
        self.encoder = Encoder(width).to(memory_format=torch.channels_last)
        if siamese:
            self.irrelevant, self.relevant = projector(), projector()
            self.restorer = nn.Sequential(nn.Linear(2 * DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM))
        self.classifier = nn.Sequential(
            nn.Linear(DIM, DIM),
            nn.PReLU(),
            nn.Dropout(0.5),
            nn.BatchNorm1d(DIM),
            nn.Linear(DIM, len(labels)),
        )

    def forward(self, fbank: Tensor) -> Tensor:
        """Return logits (B, classes) for fbank (B, T, M). No neutral reference is needed."""
        h = self.encoder(stack_deltas(fbank))
        return self.classifier(self.relevant(h) if self.siamese else h)

    def embed(self, fbank: Tensor) -> dict[str, Tensor]:
        """Return h and, for DSNet, z_er and z_ei, each (B, 256)."""
        h = self.encoder(stack_deltas(fbank))
        return {"h": h} | (
            {"z_er": self.relevant(h), "z_ei": self.irrelevant(h)} if self.siamese else {}
        )

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return every loss of a batch by name, and their weighted sum as ``loss``.

        Args:
            batch: ``fbank`` (B, T, M), ``emotion`` (B,) and, for DSNet, ``references`` (R, T, M),
                the distinct neutral references of the batch, and ``reference`` (B,), which row
                belongs to which utterance. A reference that many utterances share is encoded once.
        """
        size, fbank = len(batch["fbank"]), batch["fbank"]
        if not self.siamese:
            return {"loss": F.cross_entropy(self(fbank), batch["emotion"])}
        h, references = self.encoder(
            stack_deltas(torch.cat([fbank, batch["references"]]))
        ).tensor_split([size])
        z_er, z_ei, h_n = self.relevant(h), self.irrelevant(h), references[batch["reference"]]
        logits, restored = self.classifier(z_er), self.restorer(torch.cat([z_ei, z_er], 1))
        # In half precision a divergence this small comes out negative.
        with torch.autocast(h.device.type, enabled=False):
            h, h_n, z_er, z_ei = h.float(), h_n.float(), z_er.float(), z_ei.float()
            parts = {
                "cross_entropy": F.cross_entropy(logits.float(), batch["emotion"]),
                "orthogonality": orthogonality_loss(z_ei, z_er),
                "restoration": restoration_loss(h, restored.float()),
                "calibration": calibration_loss(z_ei, h_n, self.divergence),
            }
        return parts | {"loss": total_loss(**parts, **self.weights)}


def cost(width: int = 32, emotions: int = 4, frames: int = 600) -> dict[str, int]:
    """Count parameters and multiply–accumulates, per utterance of 3 × ``frames`` × 80.

    Args:
        width: w, channels of the first block.
        emotions: outputs of the classifier.
        frames: length of the input, 100 a second.

    Returns:
        ``parameters`` (trained) and ``parameters_inference``; ``macs_one_branch`` (inference);
        ``macs_two_branches`` (a training step's forward pass); ``macs_two_branches_all``, with
        normalisation, activation and pooling counted too.
    """
    model = on_meta(lambda: DSNet(tuple(map(str, range(emotions))), width)).eval()
    clip = torch.empty(1, frames, 80, device="meta")

    def both_branches():
        z_ei, z_er = (z := model.embed(clip))["z_ei"], z["z_er"]
        model.classifier(z_er), model.restorer(torch.cat([z_ei, z_er], 1))
        model.encoder(stack_deltas(clip))

    two = macs(both_branches)
    return {
        "parameters": parameters(model),
        "parameters_inference": parameters(model.encoder, model.relevant, model.classifier),
        "macs_one_branch": macs(lambda: model(clip)),
        "macs_two_branches": two,
        "macs_two_branches_all": two + elementwise(model, both_branches),
    }
