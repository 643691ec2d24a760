"""CASN's classification loss, balanced by class, and the sum that a training step minimises."""

import torch
from torch import Tensor
from torch.nn import functional as F


def class_weights(emotion: Tensor, classes: int, balance: float = 1.0) -> Tensor:
    """Weigh a class the less, the more of the batch it is.

    Equation: 6.2

    Args:
        emotion: y, the batch's classes, (N,).
        classes: C.
        balance: κ: 1 is the paper's 1 − frequency, 0 weighs all alike.

    Returns:
        w, (C,): w_c = (1 − n_c / N)^κ.
    """
    frequency = torch.bincount(emotion, minlength=classes) / len(emotion)
    return (1 - frequency) ** balance


def balanced_cross_entropy(logits: Tensor, emotion: Tensor, balance: float = 1.0) -> Tensor:
    """Cross-entropy in which frequent classes weigh less.

    Equation: 6.4

    Args:
        logits: o, (N, C).
        emotion: y, (N,).
        balance: κ, see `class_weights`.

    Returns:
        L_CE, a scalar: the mean of −log softmax(o)_y, weighted by w_y.
    """
    if len(emotion.unique()) == 1:  # Its weight would be 0, and the mean 0 / 0.
        return F.cross_entropy(logits, emotion)
    return F.cross_entropy(logits, emotion, class_weights(emotion, logits.shape[1], balance))


def total_loss(parts: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Add the losses of a training step.

    Equation: 6.6

    Args:
        parts: ``cross_entropy``, L_CE, or ``triplet``, L_T, or both.
        weights: λ_CE and λ_T by the same names: (1, 0) in step one, (0, 1) in step two.
    """
    return sum(weights[name] * part for name, part in parts.items())
