"""From scores to fewer dimensions: selections, and the projections they are compared with.

Whatever is fitted, the z-score included, is fitted on the utterances that are given: a training
part. Shapes: T frames, D dimensions, m of them kept.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from serlib.errors import ProtocolError
from serlib.papers.saliency import BLOCK, anova, ccs, mis, standardise, statistics

PROJECTIONS = ("pca", "pca-means")
METHODS = ("ccs", "ccs-redundancy", "mis", *PROJECTIONS, "random")


@dataclass(frozen=True)
class Reduction:
    """Frames (T, D) → (T, m): z-scored, then some dimensions kept, or projected.

    Attributes:
        mean: of the training frames, (D,).
        std: their deviation, (D,).
        dims: the dimensions that are kept, in ascending order; None for a projection.
        components: what the others are projected on, (D, m); None for a selection.
    """

    mean: np.ndarray
    std: np.ndarray
    dims: np.ndarray | None = None
    components: np.ndarray | None = None

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Reduce frames (or utterance means)."""
        if self.dims is None:
            z = standardise(np.asarray(frames, np.float32), self.mean, self.std)
            return z @ self.components.astype(np.float32)
        chosen = np.asarray(frames[:, self.dims], np.float32)
        return standardise(chosen, self.mean[self.dims], self.std[self.dims])

    @property
    def size(self) -> int:
        """How many dimensions are left, m."""
        return len(self.dims) if self.components is None else self.components.shape[1]


@dataclass(frozen=True)
class Ranking:
    """All dimensions, or all principal components, the best first; `keep` makes a reduction.

    Attributes:
        mean: of the training frames, (D,).
        std: their deviation, (D,).
        order: dimensions by score, the highest first; None for a projection.
        components: principal components by variance, (D, D); None for a selection.
    """

    mean: np.ndarray
    std: np.ndarray
    order: np.ndarray | None = None
    components: np.ndarray | None = None

    def keep(self, share: float) -> Reduction:
        """Keep a share of the dimensions.

        Raises:
            ProtocolError: the share is not above 0 and at most 1.
        """
        count = kept(len(self.mean), share)
        if self.components is not None:
            return Reduction(self.mean, self.std, components=self.components[:, :count])
        return Reduction(self.mean, self.std, dims=np.sort(self.order[:count]))


def rank(
    method: str,
    features: Mapping[str, np.ndarray],
    utterances: Sequence[str],
    targets: np.ndarray,
    seed: int = 0,
) -> Ranking:
    """Rank the dimensions of a representation on a training part.

    Args:
        method: one of `METHODS`; with classes as targets also ``"anova"``. ``"pca"`` is fitted on
            frames, ``"pca-means"`` on utterance means; neither looks at the targets, and neither
            does ``"random"``.
        features: utterance → frames, (T, D).
        utterances: the training part.
        targets: of these utterances: numbers (U, K), or classes (U,).
        seed: of ``"random"``, and of the noise that parts equal values in ``"mis"``.

    Raises:
        ProtocolError: an unknown method, or what the scores refuse.
    """
    mean, std = statistics(frame_blocks(features, utterances))
    if method == "pca":
        blocks = frame_blocks(features, utterances)
        return Ranking(mean, std, components=_components(blocks, mean, std))
    means = time_means(features, utterances)
    if method == "pca-means":
        return Ranking(mean, std, components=_components([means], mean, std))
    if method == "random":
        return Ranking(mean, std, np.random.default_rng(seed).permutation(len(mean)))
    scores = _scores(method, means, targets, seed)
    # Of equal scores the first dimension wins, on every machine.
    return Ranking(mean, std, np.argsort(-scores, kind="stable"))


def time_means(features: Mapping[str, np.ndarray], utterances: Sequence[str]) -> np.ndarray:
    """Return the mean over time of each utterance, u, (U, D)."""
    return np.stack([np.asarray(features[u], np.float32).mean(0) for u in utterances])


def one_hot(classes: Sequence[str]) -> np.ndarray:
    """Return a column of 0 and 1 for each class, (U, K), classes in alphabetical order."""
    return (np.asarray(classes, str)[:, None] == np.unique(np.asarray(classes, str))).astype(float)


def frame_blocks(
    features: Mapping[str, np.ndarray], utterances: Sequence[str]
) -> Iterator[np.ndarray]:
    """Give the frames of many utterances, some thousand rows at a time."""
    waiting, rows = [], 0
    for utterance in utterances:
        waiting.append(np.asarray(features[utterance], np.float32))
        rows += len(waiting[-1])
        if rows >= BLOCK:
            yield np.concatenate(waiting)
            waiting, rows = [], 0
    if waiting:
        yield np.concatenate(waiting)


def kept(dims: int, share: float) -> int:
    """Return how many of ``dims`` dimensions a share of them is, at least one.

    Raises:
        ProtocolError: the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ProtocolError(f"kept share {share}: must be above 0 and at most 1")
    return max(1, round(share * dims))


def overlap(selections: Iterable[Sequence[int]]) -> np.ndarray:
    """Return the share of dimensions that two selections have in common, for every pair.

    Equation: 8.4. Two random selections of m out of D dimensions share m / D on average.

    Args:
        selections: sets of m dimensions each, e.g. one a fold.
    """
    sets = [set(map(int, one)) for one in selections]
    return np.array([len(a & b) / len(a) for a, b in combinations(sets, 2)])


def _scores(method: str, means: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    classes = np.asarray(targets).dtype.kind in "OUST"
    if method == "mis":
        return mis(means, targets, seed=seed)
    if method == "anova" and classes:
        return anova(means, targets)
    if method in ("ccs", "ccs-redundancy"):
        numbers = one_hot(targets) if classes else targets
        return ccs(means, numbers, redundancy=method == "ccs-redundancy")
    known = ", ".join((*METHODS, "anova") if classes else METHODS)
    raise ProtocolError(f"method {method!r}: unknown for these targets; use one of {known}")


def _components(blocks: Iterable[np.ndarray], mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Principal components of z-scored rows, the largest first, with the signs made definite."""
    count, total, products = 0, np.zeros(len(mean)), np.zeros((len(mean), len(mean)))
    for block in blocks:
        z = standardise(block, mean, std)
        count, total, products = count + len(z), total + z.sum(0), products + z.T @ z
    centre = total / count
    vectors = np.linalg.eigh(products / count - np.outer(centre, centre))[1][:, ::-1]
    largest = np.abs(vectors).argmax(0)
    return vectors * np.sign(vectors[largest, np.arange(len(mean))])
