"""Salient dimensions: which numbers of an embedding speak of emotion (arXiv 2312.16180).

A score of saliency says how much one dimension of a representation, averaged over time, has to do
with the targets. The best dimensions are kept and the model behind them shrinks. Everything here
is computed on a training part.

Read beside chapter 8. Shapes: U utterances, D dimensions, K targets.
"""

import warnings
from collections.abc import Iterable

import numpy as np

from serlib.errors import ProtocolError

BLOCK = 4096  # rows that are copied at a time
# Processes need seconds to start; below so many values one is faster.
_WORTH_PROCESSES = 1_000_000


def ccs(features, targets, redundancy: bool = False) -> np.ndarray:
    """Score dimensions by their correlation with the targets.

    Only a block of rows is ever copied, so a mapped file may be larger than the memory.

    Equation: 8.1, with u_d = a column of ``features``, y_k = a column of ``targets``.
    Equation: 8.2, with ``redundancy``: what a dimension's neighbours know is added.

    Args:
        features: time means of the training utterances, (U, D).
        targets: (U, K), or (U,) for one target.
        redundancy: see equation 8.2. It takes the D × D correlations of the dimensions.

    Returns:
        One score a dimension, (D,), at least 0; 0 for a constant dimension. A constant target
        gives 0 to all and a warning.

    Raises:
        ProtocolError: fewer than two utterances, unequal lengths, or a value that is not finite.
    """
    features, targets, mean, std = _checked(features, targets)
    count, dims = features.shape
    wanted = standardise(targets, *statistics([targets]))
    relevance, between = np.zeros((dims, targets.shape[1])), None
    if redundancy:
        between = np.zeros((dims, dims))
    for start in range(0, count, BLOCK):
        block = standardise(features[start : start + BLOCK], mean, std)
        relevance += block.T @ wanted[start : start + BLOCK].astype(block.dtype)
        if redundancy:
            between += block.T @ block
    relevance = np.abs(relevance) / count
    if redundancy and dims > 1:
        between = np.abs(between) / count
        np.fill_diagonal(between, 0)
        relevance = relevance + between @ relevance / (dims - 1)
    return relevance.mean(1)


def mis(features, targets, neighbours: int = 3, seed: int = 0) -> np.ndarray:
    """Score dimensions by their mutual information with the targets, by scikit-learn.

    Equation: 8.3, with k = ``neighbours`` (Kraskov et al. 2004; Ross 2014 for classes).

    Args:
        features: time means of the training utterances, (U, D).
        targets: numbers (U, K) or (U,), or the names of classes (U,).
        neighbours: how many nearest utterances set the scale.
        seed: of the tiny noise that parts equal values.

    Returns:
        One score a dimension in nats, (D,), the mean over targets; 0 for a constant dimension.

    Raises:
        ProtocolError: as `ccs`; or there are not more utterances than neighbours.
    """
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    classes = np.asarray(targets).dtype.kind in "OUST"
    features, columns, _, std = _checked(features, _codes(targets) if classes else targets)
    if len(features) <= neighbours:
        raise ProtocolError(
            f"mutual information: {len(features)} utterances for {neighbours} neighbours; give "
            "more utterances than neighbours"
        )
    estimate = mutual_info_classif if classes else mutual_info_regression
    jobs = -1 if features.size > _WORTH_PROCESSES else 1
    options = {"n_neighbors": neighbours, "random_state": seed, "n_jobs": jobs}
    scores = [
        np.zeros(features.shape[1]) if np.ptp(y) == 0 else estimate(features, y, **options)
        for y in columns.T
    ]
    return np.where(std == 0, 0.0, np.mean(scores, axis=0))


def anova(features, classes) -> np.ndarray:
    """Score dimensions by F, the variance between classes over that within; 0 if constant.

    Args:
        features: time means of the training utterances, (U, D).
        classes: names, (U,).
    """
    from sklearn.feature_selection import f_classif

    features, _, _, std = _checked(features, _codes(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Constant dimensions, which are dealt with below.
        scores = f_classif(features, np.asarray(classes, str))[0]
    return np.where(std == 0, 0.0, scores)


def statistics(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column, (D,), over blocks of rows.

    A column whose values are all equal has a deviation of exactly 0: sums are taken of the
    distance from the first row.
    """
    first, count, total, squares = None, 0, 0.0, 0.0
    for block in blocks:
        block = np.asarray(block, np.float64)
        first = block[0].copy() if first is None else first
        block = block - first
        count, total = count + len(block), total + block.sum(0)
        squares = squares + np.einsum("ij,ij->j", block, block)
    mean = total / count
    return first + mean, np.sqrt(np.maximum(squares / count - mean**2, 0))


def standardise(block: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return rows with mean 0 and deviation 1, in their own precision; constant columns are 0."""
    scale = np.divide(1, std, out=np.zeros_like(std), where=std > 0)
    kind = block.dtype if block.dtype in (np.float32, np.float64) else np.float32
    return (block - mean.astype(kind)) * scale.astype(kind)


def _codes(classes) -> np.ndarray:
    return np.unique(np.asarray(classes, str), return_inverse=True)[1].astype(float)


def _checked(features, targets) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Refuse what has no correlation, warn of a constant target; mean and deviation go along."""
    features, targets = np.asanyarray(features), np.asarray(targets, float)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if features.ndim != 2 or len(features) != len(targets) or len(features) < 2:
        raise ProtocolError(
            f"saliency: features {features.shape} and targets {targets.shape}; give two or more "
            "utterances, a row each in both"
        )
    starts = range(0, len(features), BLOCK)
    with np.errstate(invalid="ignore"):  # NaN and infinity are named below.
        mean, std = statistics(features[start : start + BLOCK] for start in starts)
    for name, values in (("features", std), ("targets", targets)):
        if not np.isfinite(values).all():
            raise ProtocolError(f"saliency: NaN or infinity in the {name}; leave those rows out")
    if (flat := np.flatnonzero(np.ptp(targets, axis=0) == 0)).size:
        warnings.warn(f"saliency: target {flat[0]} is constant, it tells nothing", stacklevel=3)
    return features, targets, mean, std
