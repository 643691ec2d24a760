"""CASN: context-aware Siamese networks for emotion in conversation (arXiv 2404.11141).

Frozen sentence embeddings e_1 … e_T of a dialogue pass through a small transformer, which gives
every utterance a vector z_t that knows its neighbours. Step one trains it with a classifier and
cross-entropy; step two shapes the space of z by triplets, so that other labels can be read from it.

Read beside chapter 6. Shapes: B dialogues, T turns, d inputs, D dimensions, N classified turns,
C classes. The mode "as released" is in `casn_released`.
"""

import numpy as np
import torch
from torch import Tensor, nn

from serlib.errors import ProtocolError
from serlib.papers.casn_calibration import best_bias
from serlib.papers.casn_choice import forced_choice
from serlib.papers.casn_encoder import ContextEncoder
from serlib.papers.casn_losses import balanced_cross_entropy, class_weights, total_loss
from serlib.papers.casn_triplets import Triplets
from serlib.papers.casn_turns import Turns
from serlib.training import EmotionClassifier

__all__ = [
    "CASN",
    "ContextEncoder",
    "balanced_cross_entropy",
    "class_weights",
    "forced_choice",
    "total_loss",
]


class CASN(EmotionClassifier):
    """CASN as described: a context encoder, a classifier, and triplets in the space between.

    Which of the two losses has a weight above 0 makes a training step: (1, 0) is step one, (0, 1)
    step two, anything else joint training. It watches the validation's micro F1 without neutral,
    at the best neutral bias (see `casn_calibration`), of the classifier, or of the nearest class
    prototype where the classifier is not trained.

    Args:
        labels: the emotions, in the order of the outputs; one of them is ``neutral``.
        inputs: d, dimensions of an utterance's embedding.
        cross_entropy: weight of the balanced cross-entropy.
        triplet: λ, weight of the triplet loss.
        triplets: how triplets are made and compared.
        balance: κ of `class_weights`.
        lr: the highest learning rate; it rises for a tenth of the training and falls to 0.
        weight_decay: of AdamW.
        neutral: the class that F1 leaves out.
        encoder: options of `ContextEncoder`: dim, layers, heads, dropout, window.
    """

    inputs = "dialogue"
    monitor = "micro_f1"

    def __init__(
        self,
        labels: tuple[str, ...],
        inputs: int,
        *,
        cross_entropy: float = 1.0,
        triplet: float = 0.0,
        triplets: Triplets | None = None,
        balance: float = 1.0,
        lr: float = 5e-4,
        weight_decay: float = 0.01,
        neutral: str = "neutral",
        **encoder,
    ):
        super().__init__(labels, lr=lr)
        if neutral not in labels:
            raise ProtocolError(f"neutral={neutral!r}: not among the labels {list(labels)}")
        self.neutral, self.balance, self.weight_decay = neutral, balance, weight_decay
        self.weights = {"cross_entropy": cross_entropy, "triplet": triplet}
        self.triplets = triplets or Triplets()
        self.encoder = ContextEncoder(inputs, **encoder)
        dim = self.encoder.position.embedding_dim
        self.classifier = nn.Linear(dim, len(labels))
        # Running sums of z by class: the prototypes that step two watches.
        self.register_buffer("sums", torch.zeros(len(labels), dim))
        self.register_buffer("counts", torch.zeros(len(labels)))

    def vectors(self, turns: Turns) -> Tensor:
        """Return z of the classified turns, (N, D)."""
        return self.encoder(turns)[turns.scored]

    def embed(self, turns: Turns) -> dict[str, Tensor]:
        """Return z, (N, D)."""
        return {"z": self.vectors(turns)}

    def forward(self, turns: Turns) -> Tensor:
        """Return logits, (N, C); of the nearest prototype where the classifier is not trained."""
        z = self.vectors(turns)
        if self.weights["cross_entropy"]:
            return self.classifier(z)
        return -torch.cdist(z, self.sums / self.counts.clamp(min=1)[:, None]).square()

    def losses(self, batch: dict) -> dict[str, Tensor]:
        """Return every loss of a batch by name, and their weighted sum as ``loss``.

        Args:
            batch: ``dialogue``, the `Turns`, and ``emotion`` of the classified ones, (N,).
        """
        z, emotion, parts = self.vectors(batch["dialogue"]), batch["emotion"], {}
        if self.weights["cross_entropy"]:
            logits = self.classifier(z)
            parts["cross_entropy"] = balanced_cross_entropy(logits, emotion, self.balance)
        if self.weights["triplet"]:
            parts["triplet"] = self.triplets(z, emotion)
            self.sums.index_add_(0, emotion, z.detach().float())
            self.counts += torch.bincount(emotion, minlength=len(self.labels))
        return parts | {"loss": total_loss(parts, self.weights)}

    def on_train_epoch_start(self):
        """Forget the prototypes of the epoch before."""
        self.sums.zero_(), self.counts.zero_()

    def dev_score(self, truth: np.ndarray, logits: np.ndarray) -> float:
        """Return the micro F1 without neutral, at the best neutral bias."""
        return best_bias(truth, logits, self.labels.index(self.neutral))[1]

    def configure_optimizers(self):
        """AdamW; the rate rises for a tenth of all steps, then falls along a cosine."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        steps = self.trainer.estimated_stepping_batches
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.lr, total_steps=steps, pct_start=0.1
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
