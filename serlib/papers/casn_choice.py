"""The score that CASN's authors report: a forced choice between two classes, one of them right."""

import numpy as np

from serlib.errors import ProtocolError


def forced_choice(
    embeddings: np.ndarray, labels: np.ndarray, n_triplets: int, seed: int
) -> dict[str, float]:
    """Score representations as the released code does: by triplets drawn with the gold labels.

    Equation: 6.9

    An anchor's class is drawn uniformly, another class as the negative's uniformly among the rest,
    then an anchor, a different positive and a negative uniformly within their classes. The
    prediction is the anchor's own class if the positive is at least as near as the negative, else
    the *negative's* class. So every question has two answers, one of them right, in balanced
    classes: noise gets half. It is not classification; the released code allows a tolerance of
    1e-4 besides, which changes nothing here.

    Args:
        embeddings: e, (N, D).
        labels: names or numbers of the classes, (N,). The class "neutral", or 0 where they are
            numbers, is left out of both F1 scores.
        n_triplets: how many questions.
        seed: of the draws.

    Returns:
        ``macro_f1`` and ``micro_f1`` over the emotions without neutral, ``mcc`` over all classes.

    Raises:
        ProtocolError: lengths differ, a number is not finite, an emotion has fewer than two
            examples, or there are fewer than two classes.
    """
    from sklearn.metrics import f1_score, matthews_corrcoef

    embeddings, labels = np.asarray(embeddings, float), np.asarray(labels)
    classes, codes = _checked(embeddings, labels, n_triplets)
    anchor, positive, negative = draw_triplets(codes, n_triplets, np.random.default_rng(seed))
    to_positive = np.linalg.norm(embeddings[anchor] - embeddings[positive], axis=1)
    to_negative = np.linalg.norm(embeddings[anchor] - embeddings[negative], axis=1)
    truth = codes[anchor]
    prediction = np.where(to_positive <= to_negative, truth, codes[negative])
    neutral = 0 if np.issubdtype(classes.dtype, np.number) else "neutral"
    kept = np.flatnonzero(classes != neutral)
    options = {"labels": kept, "zero_division": 0}
    return {
        "macro_f1": float(f1_score(truth, prediction, average="macro", **options)),
        "micro_f1": float(f1_score(truth, prediction, average="micro", **options)),
        "mcc": float(matthews_corrcoef(truth, prediction)),
    }


def draw_triplets(
    codes: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw anchors, positives and negatives, as rows, each (count,).

    Args:
        codes: class numbers 0 … C − 1, each at least twice, (N,).
        count: how many.
        rng: where the chance comes from.
    """
    order, number = np.argsort(codes, kind="stable"), np.bincount(codes)
    start = np.concatenate([[0], np.cumsum(number)[:-1]])
    own = rng.integers(len(number), size=count)
    other = (own + rng.integers(1, len(number), size=count)) % len(number)
    first = rng.integers(number[own])
    # A step of 1 … n − 1 round the class: never the anchor itself, all others alike.
    second = (first + rng.integers(1, number[own])) % number[own]
    rows = (start[own] + first, start[own] + second, start[other] + rng.integers(number[other]))
    return tuple(order[row] for row in rows)


def _checked(
    embeddings: np.ndarray, labels: np.ndarray, n_triplets: int
) -> tuple[np.ndarray, np.ndarray]:
    if embeddings.ndim != 2 or labels.ndim != 1 or len(embeddings) != len(labels):
        raise ProtocolError(
            f"embeddings {embeddings.shape} and labels {labels.shape} must be (N, D) and (N,); "
            "check how they were collected"
        )
    if n_triplets < 1:
        raise ProtocolError(f"n_triplets={n_triplets}: ask for one at least")
    bad = np.flatnonzero(~np.isfinite(embeddings).all(1))
    if len(bad):
        raise ProtocolError(
            f"{len(bad)} embeddings have NaN or infinity, the first is row {bad[0]}; leave them out"
        )
    classes, codes, number = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2 or number.min() < 2:
        short = [f"{c} has {n}" for c, n in zip(classes, number, strict=True) if n < 2]
        raise ProtocolError(
            f"{', '.join(short) or f'{len(classes)} class'}: a triplet needs two classes, and two "
            "examples of each; add some, or leave the class out"
        )
    return classes, codes
