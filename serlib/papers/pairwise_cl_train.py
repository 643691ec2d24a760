"""Pairwise-CL in four steps: pre-train, read linearly, fine-tune whole, and train from scratch."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from serlib import training
from serlib.papers.pairwise_cl import PairwiseCL
from serlib.papers.pairwise_cl_data import Labelled, Views, padded
from serlib.papers.pairwise_cl_encoders import OUT, make_encoder
from serlib.papers.pairwise_cl_views import Arrays
from serlib.protocols.metrics import uar

#: Inverse strengths of the linear reader's penalty; the validation part chooses.
PENALTIES = (0.01, 0.1, 1.0, 10.0)
#: Utterances that fine-tuning sees in an epoch at least.
LEAST = 64


def pretrain(
    features: Mapping[str, Arrays],
    train: Sequence[str],
    dev: Sequence[str],
    *,
    directory: Path,
    seed: int,
    temperature: float = 0.5,
    same_view_negatives: bool = False,
    lr: float = 1e-3,
    rates: Mapping[str, float] | None = None,
    **how: object,
) -> tuple[PairwiseCL, training.Fit]:
    """Pre-train an encoder for every view, without labels.

    Args:
        features: view (``ssl``, ``mel``, ``functionals``) → utterance → array.
        train: pre-training utterances; those that a view lacks are named and left out.
        dev: utterances whose loss says when to stop.
        directory: where checkpoints go; a killed run goes on from there.
        seed: of weights, shuffling and dropout.
        temperature: τ.
        same_view_negatives: see `pairwise_nt_xent`.
        lr: Adam's learning rate.
        rates: view → another rate.
        how: see `training.fit`: epochs, patience, batch_size, precision, device, progress.

    Returns:
        The module with the best epoch's weights (``module.encoders[view]``), and the fit.
    """
    parts = [Views(features, part) for part in (train, dev)]
    example = parts[0].utterances[0]
    training.seed_everything(seed)
    encoders = {view: make_encoder(view, of[example]) for view, of in features.items()}
    module = PairwiseCL(encoders, temperature, same_view_negatives, lr, rates)
    return module, training.fit(module, *parts, directory=directory, seed=seed, **how)


class ViewClassifier(training.EmotionClassifier):
    """One view's encoder and a linear classifier.

    Args:
        encoder: (inputs, lengths) → (B, 128).
        labels: the emotions, in the order of the outputs.
        lr: Adam's learning rate.
    """

    inputs = "view"

    def __init__(self, encoder: nn.Module, labels: tuple[str, ...], lr: float = 1e-3):
        super().__init__(labels, lr=lr)
        self.encoder, self.out = encoder, nn.Linear(OUT, len(labels))

    def forward(self, view: tuple[Tensor, Tensor]) -> Tensor:
        """Return logits, (B, classes)."""
        return self.out(self.encoder(*view))

    def losses(self, batch: dict) -> dict[str, Tensor]:
        """Return the cross-entropy; a batch's classes count alike, as they do in the UAR."""
        count = torch.bincount(batch["emotion"], minlength=len(self.labels)).clamp(min=1)
        logits = self(batch["view"]).float()
        return {"loss": F.cross_entropy(logits, batch["emotion"], weight=1 / count)}


def fine_tune(
    encoder: nn.Module,
    features: Arrays,
    table: pd.DataFrame,
    train: Sequence[str],
    dev: Sequence[str],
    labels: Sequence[str],
    *,
    directory: Path,
    seed: int,
    lr: float = 1e-3,
    **how: object,
) -> tuple[ViewClassifier, training.Fit]:
    """Train a copy of a view's encoder, whole, with a new linear classifier.

    Args:
        encoder: pre-trained; it stays as it is.
        features: utterance → array, of the encoder's view.
        table: the corpus table; ``emotion`` is read.
        train: the labelled utterances.
        dev: choose the epoch, by their UAR.
        labels: the emotions, in the order of the outputs.
        directory: where checkpoints go.
        seed: of the classifier's weights, shuffling and dropout.
        lr: Adam's learning rate, of encoder and classifier.
        how: see `training.fit`.
    """
    training.seed_everything(seed)
    module = ViewClassifier(copy.deepcopy(encoder), tuple(labels), lr)
    module.train()  # Lightning keeps the mode it finds, and `embed` leaves encoders in eval.
    parts = [Labelled(features, table, *p) for p in [(train, labels, LEAST), (dev, labels)]]
    return module, training.fit(module, *parts, directory=directory, seed=seed, **how)


def supervised(view: str, features: Arrays, *parts, seed: int, **how):
    """Do as `fine_tune`, with an encoder of that view that starts from random weights."""
    training.seed_everything(seed)
    encoder = make_encoder(view, next(iter(features.values())))
    return fine_tune(encoder, features, *parts, seed=seed, **how)


@torch.inference_mode()
def embed(
    encoder: nn.Module, features: Arrays, utterances: Sequence[str], batch_size: int = 64
) -> pd.DataFrame:
    """Return an encoder's outputs, one row an utterance, 128 columns; nothing is learned."""
    encoder, utterances = encoder.eval(), list(utterances)
    device = next(encoder.parameters()).device
    batches = [utterances[i : i + batch_size] for i in range(0, len(utterances), batch_size)]
    inputs = (padded([features[u] for u in batch]) for batch in batches)
    rows = [encoder(x.to(device), lengths.to(device)).cpu() for x, lengths in inputs]
    return pd.DataFrame(torch.cat(rows).numpy(), index=utterances)


def read_linearly(
    vectors: pd.DataFrame,
    table: pd.DataFrame,
    unlabelled: Sequence[str],
    train: Sequence[str],
    dev: Sequence[str],
    test: Sequence[str],
    labels: Sequence[str],
) -> np.ndarray:
    """Fit a linear classifier on frozen vectors: logistic regression, classes weighted alike.

    Args:
        vectors: of `embed`, or of `views.pooling.pooled` for the baseline without an encoder.
        table: the corpus table; ``emotion`` is read.
        unlabelled: the whole training part, by which the dimensions are z-scored.
        train: the labelled utterances.
        dev: choose the penalty among `PENALTIES`, by their UAR.
        test: utterances to score.
        labels: the emotions; each must occur in ``train`` (`protocols.label_fraction` sees to it).

    Returns:
        Probabilities, (test utterances, labels).
    """
    from sklearn.linear_model import LogisticRegression

    whole = vectors.loc[list(unlabelled)]
    scaled = (vectors - whole.mean()) / whole.std().where(whole.std() > 1e-6, 1.0)
    x, x_dev, x_test = (scaled.loc[list(p)].to_numpy() for p in (train, dev, test))
    y, truth = (table.loc[list(p), "emotion"].to_numpy(str) for p in (train, dev))
    best, chosen = -1.0, None
    for penalty in PENALTIES:
        reader = LogisticRegression(C=penalty, max_iter=2000, class_weight="balanced")
        reader.fit(x, y)
        score = uar(truth, reader.predict(x_dev), labels, absent="ignore")
        if score > best:
            best, chosen = score, reader
    return chosen.predict_proba(x_test)[:, [list(chosen.classes_).index(e) for e in labels]]
