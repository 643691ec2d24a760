"""Reading emotions from the space of CASN by prototypes or neighbours, and scoring answers."""

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
