"""Reading emotions from the space of CASN: prototypes, neighbours, and the neutral decision."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from serlib.errors import ProtocolError
from serlib.protocols.metrics import f1, mcc


def prototypes(z: np.ndarray, emotion: np.ndarray, classes: int) -> np.ndarray:
    """The mean vector of each class, (C, D).

    Args:
        z: vectors of the training part, (N, D).
        emotion: their classes as numbers, (N,).
        classes: C.

    Raises:
        ProtocolError: a class has no example.
    """
    number = np.bincount(emotion, minlength=classes)
    if (number == 0).any():
        raise ProtocolError(
            f"class {int(np.argmin(number))}: no example to make a prototype of; leave it out"
        )
    sums = np.zeros((classes, z.shape[1]))
    np.add.at(sums, emotion, z)
    return sums / number[:, None]


def prototype_scores(z: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Say how near each vector is to each class' prototype.

    Equation: 6.7

    Args:
        z: vectors, (N, D).
        means: μ, the prototypes, (C, D).

    Returns:
        o, (N, C): −‖z − μ_c‖², which serve as logits.
    """
    return -((z**2).sum(1)[:, None] - 2 * z @ means.T + (means**2).sum(1))


def knn_scores(
    train_z: np.ndarray, emotion: np.ndarray, z: np.ndarray, classes: int, k: int = 25
) -> np.ndarray:
    """The share of each class among the k nearest training vectors (Euclidean), (N, C)."""
    from sklearn.neighbors import KNeighborsClassifier

    reader = KNeighborsClassifier(min(k, len(train_z)), algorithm="brute").fit(train_z, emotion)
    scores = np.zeros((len(z), classes))
    scores[:, reader.classes_] = reader.predict_proba(z)
    return scores


def best_bias(truth: np.ndarray, logits: np.ndarray, neutral: int) -> tuple[float, float]:
    """The bias on the neutral class that gives the best micro F1 without neutral.

    Fitted on the validation part, used unchanged on the test part. Every bias that changes a
    decision is tried, by one sort.

    Args:
        truth: classes as numbers, (n,).
        logits: (n, C).
        neutral: number of the neutral class.

    Returns:
        b for `biased`, and the micro F1 at it.
    """
    others = np.delete(np.arange(logits.shape[1]), neutral)
    best = others[logits[:, others].argmax(1)]
    margin = logits[np.arange(len(truth)), best] - logits[:, neutral]  # emotion wins if b < it
    order = np.argsort(-margin, kind="stable")
    hits = np.cumsum((best == truth)[order])
    scores = 2 * hits / (np.arange(1, len(truth) + 1) + (truth != neutral).sum())
    # Rows of equal margin change sides together: only the last of them is a possible end.
    margin = margin[order]
    ends = np.append(margin[:-1] - margin[1:] > 1e-9, True)
    last = int(np.argmax(np.where(ends, scores, -1)))
    following = margin[last + 1] if last + 1 < len(margin) else margin[last] - 1.0
    return float((margin[last] + following) / 2), float(scores[last])


def biased(logits: np.ndarray, neutral: int, bias: float) -> np.ndarray:
    """Shift the neutral decision.

    Equation: 6.8

    Args:
        logits: o, (N, C); logarithms of probabilities do as well.
        neutral: number of the neutral class.
        bias: b, from `best_bias`.

    Returns:
        P, (N, C): softmax of o + b · [c = neutral]; its largest entry is the prediction.
    """
    from scipy.special import softmax

    shifted = np.array(logits, float)
    shifted[:, neutral] += bias
    return softmax(shifted, 1)


def metrics(labels: Sequence[str], neutral: str = "neutral") -> dict[str, partial]:
    """The scores of emotion in conversation, as ``metric(truth, prediction)``.

    Micro and macro F1 without neutral, macro F1 with it, weighted F1, and MCC over all classes.
    """
    return {
        "micro_f1": partial(f1, labels=labels, average="micro", without=neutral),
        "macro_f1": partial(f1, labels=labels, average="macro", without=neutral),
        "macro_f1_all": partial(f1, labels=labels, average="macro"),
        "weighted_f1": partial(f1, labels=labels, average="weighted"),
        "mcc": partial(mcc, labels=labels),
    }
