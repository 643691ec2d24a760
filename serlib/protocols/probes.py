"""Linear probes: what can be read out of a representation by the simplest reader there is."""

import numpy as np


def probe(train_x, train_y, test_x, test_y) -> dict[str, float]:
    """Fit a linear reader on one part and say how well it reads the other.

    A category is read by logistic regression, a number by ridge regression; inputs are z-scored by
    the training part. ``bits`` is a lower bound on the mutual information of representation and
    target: entropy minus the reader's cross-entropy for a category (Barber & Agakov 2003),
    −½ log₂(1 − R²) for a number (exact for jointly Gaussian ones). A reader no better than
    guessing has 0.

    Args:
        train_x: representation, (utterances, dims).
        train_y: categories (text) or numbers, (utterances,).
        test_x: as ``train_x``, of utterances not in it.
        test_y: as ``train_y``; a category not in ``train_y`` cannot be read and is left out.

    Returns:
        ``score``: UAR over the categories in ``test_y``, or R² (at least 0); ``chance``: what
        guessing gives, 1 / categories that the reader knows, or 0; ``bits``; ``utterances``.
    """
    train_x, test_x = np.asarray(train_x, float), np.asarray(test_x, float)
    mean, std = train_x.mean(0), train_x.std(0)
    std[std == 0] = 1
    train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
    if np.issubdtype(np.asarray(train_y).dtype, np.number):
        return _number(train_x, np.asarray(train_y), test_x, np.asarray(test_y))
    return _category(train_x, np.asarray(train_y, str), test_x, np.asarray(test_y, str))


def _category(train_x, train_y, test_x, test_y) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression

    known = np.isin(test_y, train_y)
    test_x, test_y = test_x[known], test_y[known]
    reader = LogisticRegression(C=0.1, max_iter=2000, class_weight="balanced").fit(train_x, train_y)
    present, counts = np.unique(test_y, return_counts=True)
    own = reader.predict_proba(test_x)[np.arange(len(test_y)), reader.classes_.searchsorted(test_y)]
    share = counts / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    recalls = [np.mean(reader.predict(test_x[test_y == c]) == c) for c in present]
    return {
        "score": float(np.mean(recalls)),
        "chance": 1 / len(reader.classes_),
        "bits": max(0.0, float(entropy + np.log2(own).mean())),
        "utterances": len(test_y),
    }


def _number(train_x, train_y, test_x, test_y) -> dict[str, float]:
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score

    reader = RidgeCV(np.logspace(0, 5, 11)).fit(train_x, train_y)
    r2 = float(np.clip(r2_score(test_y, reader.predict(test_x)), 0, 1 - 1e-9))
    return {
        "score": r2,
        "chance": 0.0,
        "bits": -0.5 * float(np.log2(1 - r2)),
        "utterances": len(test_y),
    }
