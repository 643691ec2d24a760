"""CASN's neutral decision: how sure must it be of an emotion, and at which share of emotions?"""

from collections.abc import Sequence

import numpy as np

from serlib.errors import ProtocolError


def best_bias(
    truth: np.ndarray, logits: np.ndarray, neutral: int, weights: np.ndarray | None = None
) -> tuple[float, float]:
    """The bias on the neutral class that gives the best micro F1 without neutral.

    Fitted on the validation part, used unchanged on the test part. Every bias that changes a
    decision is tried, by one sort.

    Args:
        truth: classes as numbers, (n,).
        logits: (n, C).
        neutral: number of the neutral class.
        weights: how often each turn counts, (n,), e.g. from `share_weights`; None counts all once.

    Returns:
        b for `biased`, and the (weighted) micro F1 at it.
    """
    weights = np.ones(len(truth)) if weights is None else np.asarray(weights, float)
    others = np.delete(np.arange(logits.shape[1]), neutral)
    best = others[logits[:, others].argmax(1)]
    margin = logits[np.arange(len(truth)), best] - logits[:, neutral]  # emotion wins if b < it
    order = np.argsort(-margin, kind="stable")
    hits = np.cumsum(((best == truth) * weights)[order])
    scores = 2 * hits / (np.cumsum(weights[order]) + weights[truth != neutral].sum())
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


def share_weights(truth: np.ndarray, share: float, neutral: int) -> np.ndarray:
    """Weigh turns so that emotional ones have the share that they have elsewhere.

    Equation: 6.12

    Two groups and not C classes: the bias moves only the border between neutral and the rest, and
    a class of three turns would get a weight that three turns cannot carry.

    Args:
        truth: y, classes of a part as numbers, (n,).
        share: π, the wanted share of emotional turns, e.g. the training part's.
        neutral: number of the neutral class.

    Returns:
        v, (n,): π / π̂ for an emotional turn and (1 − π) / (1 − π̂) for a neutral one, where π̂ is
        the share of emotional turns in ``truth``. Their mean is 1.

    Raises:
        ProtocolError: ``share`` is not between 0 and 1, or one of the two groups is empty.
    """
    emotional = np.asarray(truth) != neutral
    own = emotional.mean()
    if not (0 < share < 1 and 0 < own < 1):
        raise ProtocolError(
            f"share={share:.3g} of emotional turns, {own:.3g} in this part: both must lie between "
            "0 and 1; no weight makes up for turns that are not there"
        )
    return np.where(emotional, share / own, (1 - share) / (1 - own))


def ensemble(members: Sequence[np.ndarray]) -> np.ndarray:
    """Pool networks that differ in their seed: the mean of their probabilities.

    Equation: 6.13

    Args:
        members: logits o of each of the M networks, (N, C).

    Returns:
        The logarithm of P, (N, C), the mean over m of softmax(o^(m)) (Lakshminarayanan et al.
        2017, arXiv 1612.01474); it serves as logits.
    """
    from scipy.special import logsumexp

    log_p = np.stack([o - logsumexp(o, 1, keepdims=True) for o in members])
    return logsumexp(log_p, 0) - np.log(len(log_p))
