"""What records say of a classifier's doubt: its distance from the raters, calibration, and bias."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from serlib.errors import RecordError

if TYPE_CHECKING:
    import pandas as pd

Form = tuple["pd.DataFrame", Callable]
_RIGHT = 2.0  # Added to a confidence below or equal to 1, it marks a right answer.


def forms(
    predictions: "pd.DataFrame", labels: Sequence[str], targets: Mapping[str, "pd.DataFrame"]
) -> dict[str, Form]:
    """Bring scored predictions into the forms that intervals and tests take, one a measure.

    Args:
        predictions: as `results.predictions` gives them, with their scores.
        labels: the full list of classes.
        targets: name → distribution of every utterance, utterances × labels.

    Returns:
        Measure → rows and metric: ``uar``; ``bias``, the share of answers for the class that is
        largest in truth, minus its share in truth; ``ece``, the expected calibration error; and
        for each target ``from the <name>``, the divergence of the answers in nats.
    """
    from serlib.protocols import uar

    largest = predictions["truth"].value_counts().index[0]
    found = {
        "uar": (predictions, partial(uar, labels=labels)),
        "bias": (predictions, partial(bias, label=largest)),
        "ece": (_marked(predictions, labels), calibration_error),
    }
    for name, target in targets.items():
        distances = predictions.assign(truth=0.0, prediction=_kl(predictions, labels, target))
        found[f"from the {name}"] = (distances, _mean)
    return found


def compared(form: Form, bases: Mapping[str, str]) -> "pd.DataFrame":
    """A measure of each variant, and its difference from another one, with intervals over speakers.

    Args:
        form: rows of several variants and their metric, from `forms`.
        bases: variant → the variant that it is compared with, on the folds and seeds of both; one
            that is not named is not compared.

    Returns:
        Indexed by variant: ``value``, ``low``, ``high``, ``runs``; then ``difference``,
        ``difference, low``, ``difference, high``, ``p``, ``shared runs``, NaN where there is none.
    """
    import pandas as pd

    from serlib.protocols import bootstrap

    frame, metric = form
    parts, rows = dict(list(frame.groupby("variant", sort=False))), {}
    for variant, own in parts.items():
        whole = bootstrap(own, metric)
        rows[variant] = {"value": whole.value, "low": whole.low, "high": whole.high}
        rows[variant]["runs"] = _runs(own)
        if (base := bases.get(variant)) in parts:
            rows[variant] |= _difference(own, parts[base], metric)
    return pd.DataFrame(rows).T.rename_axis("variant").astype(float)


def calibration_error(_, marked: np.ndarray, bins: int = 15) -> float:
    """How far confidence lies from the share of right answers, weighed over bins of confidence.

    Args:
        marked: confidences of the first choices, (answers,); 2 higher where the answer is right.
        bins: of equal width between 0 and 1.
    """
    right = marked > 1
    confidence = np.where(right, marked - _RIGHT, marked)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = np.bincount(place, confidence - right, bins)
    return float(np.abs(gap).sum() / len(marked))


def bias(truth: np.ndarray, prediction: np.ndarray, label: str) -> float:
    """The share of answers for a class minus its share in truth; above 0 it is answered too often.

    Args:
        truth: classes, (utterances,).
        prediction: answers, (utterances,).
        label: the class.
    """
    return float(np.mean(prediction == label) - np.mean(truth == label))


def _mean(_, prediction: np.ndarray) -> float:
    return float(prediction.mean())


def _scores(predictions: "pd.DataFrame", labels: Sequence[str]) -> np.ndarray:
    columns = [f"score_{label}" for label in labels]
    if not {*columns} <= {*predictions} or predictions[columns].isna().to_numpy().any():
        raise RecordError("some records keep no scores of all classes; run them again")
    return predictions[columns].to_numpy(float)


def _marked(predictions: "pd.DataFrame", labels: Sequence[str]) -> "pd.DataFrame":
    confidence = _scores(predictions, labels).max(1)
    right = (predictions["truth"] == predictions["prediction"]).to_numpy()
    return predictions.assign(truth=0.0, prediction=confidence + _RIGHT * right)


def _kl(predictions: "pd.DataFrame", labels: Sequence[str], target: "pd.DataFrame") -> np.ndarray:
    from scipy.special import rel_entr

    # Scores are kept with five decimals: less than that is no certainty.
    answers = np.maximum(_scores(predictions, labels), 1e-5)
    wanted = target.loc[predictions["utterance"], list(labels)].to_numpy(float)
    return rel_entr(wanted, answers / answers.sum(1, keepdims=True)).sum(1)


def _runs(frame: "pd.DataFrame") -> int:
    return len(frame[["fold", "seed"]].drop_duplicates())


def _difference(own: "pd.DataFrame", base: "pd.DataFrame", metric: Callable) -> dict:
    from serlib.protocols import paired

    keys = ["fold", "seed"]
    shared = own[keys].drop_duplicates().merge(base[keys].drop_duplicates())
    found = paired(own.merge(shared, on=keys), base.merge(shared, on=keys), metric)
    row = {"difference": found.difference, "difference, low": found.low}
    row |= {"difference, high": found.high, "p": found.p, "shared runs": len(shared)}
    return row
