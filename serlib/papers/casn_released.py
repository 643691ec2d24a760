"""CASN as its code was released: what is wired to what, and what therefore learns.

A dialogue becomes *one* vector of 15 utterances. The context encoder takes a batch of them as a
single sequence, so attention runs across dialogues, and with one dialogue it only looks at itself.
Step one trains the classifier alone, on utterances without context. In step two the encoder's
outputs are copied out of the graph: cross-entropy teaches the classifier only, and the triplet loss
is a constant that was told to require a gradient. The context encoder stays as it was drawn.

Facts from the code at github.com/B-Gendron/sentEmoContext, commit 0358008; nothing is copied.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib.papers.casn_losses import class_weights
from serlib.papers.casn_released_data import UTTERANCES
from serlib.papers.casn_triplets import uniform_triplets
from serlib.training import EmotionClassifier


class ReleasedClassifier(EmotionClassifier):
    """Step one: a transformer layer over a *batch* of utterances, then softmax, twice.

    ``forward`` gives probabilities, and the loss takes their softmax again, as released.
    """

    inputs = "vectors"
    monitor = "mcc"

    def __init__(self, labels: tuple[str, ...], inputs: int, lr: float = 5e-4):
        super().__init__(labels, lr=lr)
        self.layer = nn.TransformerEncoderLayer(inputs, 16, dropout=0.3, batch_first=True)
        self.out = nn.Linear(inputs, len(labels))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return probabilities, (N, C), for vectors (N, d): one sequence of N."""
        return self.out(self.layer(vectors)).softmax(-1)

    def losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Cross-entropy on the softmax, weighted by 1 − frequency in the batch."""
        weights = class_weights(batch["emotion"], len(self.labels))
        return {"loss": F.cross_entropy(self(batch["vectors"]), batch["emotion"], weights)}

    def predict_step(self, batch, _):
        """Return the probabilities of each utterance by itself, as step two takes them."""
        return self(batch["vectors"][:, None])[:, 0]

    def dev_score(self, truth: np.ndarray, logits: np.ndarray) -> float:
        """Return the MCC over all classes."""
        from serlib.protocols.metrics import mcc

        return mcc(truth, logits.argmax(1), range(len(self.labels)))

    def configure_optimizers(self):
        """Adam at a constant rate."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class ReleasedCASN(nn.Module):
    """Step two: a context encoder over flattened dialogues, and step one's classifier.

    Args:
        inputs: d; 24 must divide 15 · d.
        classifier: from step one.
        detach: the released wiring. False leaves the encoder's outputs in the graph, to see what
            the wiring costs.
    """

    def __init__(self, inputs: int, classifier: ReleasedClassifier, detach: bool = True):
        super().__init__()
        self.context = nn.TransformerEncoderLayer(
            UTTERANCES * inputs, 24, dropout=0.3, batch_first=True
        )
        self.classifier, self.detach = classifier, detach

    def encode(self, x: Tensor) -> Tensor:
        """Return utterances (B, 15, d) from flattened dialogues (B, 15 · d): one sequence of B."""
        encoded = self.context(x).unflatten(1, (UTTERANCES, -1))
        return encoded.detach() if self.detach else encoded

    @torch.inference_mode()
    def vectors(self, x: Tensor, emotion: Tensor) -> np.ndarray:
        """Return the utterances there are, (N, d), each dialogue by itself, as at the test."""
        self.eval()
        alone = self.context(x[:, None])[:, 0]  # B sequences of one
        return alone.unflatten(1, (UTTERANCES, -1))[emotion >= 0].numpy()

    def losses(self, x: Tensor, emotion: Tensor) -> dict[str, Tensor]:
        """Both losses of a batch of dialogues, on triplets drawn uniformly among its utterances.

        Args:
            x: (B, 15 · d).
            emotion: (B, 15), −1 where there is no utterance.

        Returns:
            ``cross_entropy`` of the classifier on all three of each triplet, and ``triplet``
            (margin 1, Euclidean), which with ``detach`` depends on no parameter.
        """
        present = emotion >= 0
        z, emotion = self.encode(x)[present], emotion[present]
        a, p, n = uniform_triplets(emotion, len(emotion))
        rows = torch.cat([a, p, n])
        weights = class_weights(emotion[rows], len(self.classifier.labels))
        probabilities = self.classifier(z[rows][:, None])[:, 0]
        return {
            "cross_entropy": F.cross_entropy(probabilities, emotion[rows], weights),
            "triplet": F.triplet_margin_loss(z[a], z[p], z[n], margin=1.0),
        }
