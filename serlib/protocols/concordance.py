"""CCC as the mean over several targets, in a form that thousands of resamples can afford."""

import numpy as np

from serlib.protocols.metrics import ccc
from serlib.protocols.resampling import Score


class MeanCCC:
    """The mean over targets of the CCC; truth and prediction are given by their row numbers.

    `bootstrap` and `paired` draw and swap rows of one truth and one prediction. With several
    targets these rows hold numbers of rows: of ``truth`` and of ``prediction`` here. A constant
    target has a CCC of 0, as in `protocols.ccc`.

    Args:
        truth: (utterances, targets).
        prediction: (rows, targets), of all systems that are compared.
    """

    def __init__(self, truth: np.ndarray, prediction: np.ndarray):
        self.truth, self.prediction = np.asarray(truth, float), np.asarray(prediction, float)

    def __call__(self, truth: np.ndarray, prediction: np.ndarray) -> float:
        """Compute it for rows of truth and prediction, (rows,) each."""
        pairs = zip(self.truth[truth].T, self.prediction[prediction].T, strict=True)
        return float(np.mean([ccc(t, p) for t, p in pairs]))

    def of_clusters(
        self, truth: np.ndarray, prediction: np.ndarray, cluster: np.ndarray, clusters: int
    ) -> Score:
        """Compute it from sums over clusters, for all weights at once; see `resampling.scorer`."""
        t, p = self.truth[truth], self.prediction[prediction]
        t, p = t - t.mean(0), p - t.mean(0)  # One shift for both leaves the CCC as it is.
        sums = np.zeros((clusters, 6, t.shape[1]))
        for i, term in enumerate((np.ones_like(t), t, p, t * t, p * p, t * p)):
            np.add.at(sums[:, i], cluster, term)

        def score(weights: np.ndarray) -> np.ndarray:
            n, t, p, tt, pp, tp = np.moveaxis(np.tensordot(weights, sums, 1), 1, 0)
            t, p, tt, pp, tp = t / n, p / n, tt / n, pp / n, tp / n
            spread = np.maximum(tt - t * t, 0) + np.maximum(pp - p * p, 0) + (t - p) ** 2
            values = np.divide(2 * (tp - t * p), spread, out=np.zeros_like(n), where=spread > 1e-12)
            return values.mean(1)

        return score
