"""What stands beside CASN: the majority, and a logistic regression on turns by themselves."""

from collections.abc import Mapping

import numpy as np

from serlib.papers.casn_data import Dialogues


def logistic(
    features: Mapping[str, np.ndarray], data: Mapping[str, Dialogues], C: float = 1.0
) -> dict[str, np.ndarray]:
    """The baseline: logistic regression on each utterance's embedding by itself.

    Returns:
        Log probabilities (n, C) of ``dev`` and ``test``.
    """
    from sklearn.linear_model import LogisticRegression

    x = {name: np.stack([features[u] for u in own.scored]) for name, own in data.items()}
    reader = LogisticRegression(C=C, max_iter=300).fit(x["train"], data["train"].truth)
    return {name: reader.predict_log_proba(x[name]) for name in ("dev", "test")}


def majority(data: Mapping[str, Dialogues]) -> np.ndarray:
    """The class frequencies of the training part for every test utterance, (N, C)."""
    truth, classes = data["train"].truth, len(data["train"].labels)
    share = np.bincount(truth, minlength=classes) / len(truth)
    return np.tile(share, (len(data["test"].scored), 1))
