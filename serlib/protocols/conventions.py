"""The conventions of scoring found in the literature, each as a formula on confusion counts.

A formula takes counts (..., classes, classes), row = truth, column = prediction, and the classes;
those that leave the neutral class out take its name besides. 0/0 is 0, as in scikit-learn, except
for the recall of a class that no utterance has, which is NaN where a convention averages it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from serlib.protocols.counts import f1_on, hits_of, mcc_on, ratio, wa_on


@dataclass(frozen=True)
class Convention:
    """One way to score.

    Attributes:
        name: short and unique.
        counts: what the number is.
        used: where it is reported.
        formula: from (counts, classes), or (counts, classes, neutral), to values (...).
        leaves_out_neutral: whether the formula takes the neutral class.
    """

    name: str
    counts: str
    used: str
    formula: Callable[..., np.ndarray]
    leaves_out_neutral: bool = False


def _recalls(table: np.ndarray) -> np.ndarray:
    truth = table.sum(-1)
    return np.where(truth > 0, ratio(hits_of(table), truth), np.nan)


def _uar(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    return _recalls(table).mean(-1)


def _uar_absent_zero(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    return np.nan_to_num(_recalls(table)).mean(-1)


def _uar_of_present(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    return np.nanmean(_recalls(table), -1)


def _one_against_rest(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    others = table.sum((-2, -1))[..., None] - table.sum(-1)
    false_alarms = table.sum(-2) - hits_of(table)
    return (_recalls(table) / 2 + (1 - ratio(false_alarms, others)) / 2).mean(-1)


def _f1s(table: np.ndarray) -> np.ndarray:
    return ratio(2 * hits_of(table), table.sum(-1) + table.sum(-2))


def _macro(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    return _f1s(table).mean(-1)


def _macro_of_seen(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    seen = table.sum(-1) + table.sum(-2) > 0
    return (_f1s(table) * seen).sum(-1) / seen.sum(-1)


def _macro_of_means(table: np.ndarray, _labels: Sequence) -> np.ndarray:
    precision = ratio(hits_of(table), table.sum(-2)).mean(-1)
    recall = ratio(hits_of(table), table.sum(-1)).mean(-1)
    return ratio(2 * precision * recall, precision + recall)


def _micro(table: np.ndarray, labels: Sequence) -> np.ndarray:
    return f1_on(table, labels, "micro")


def _weighted(table: np.ndarray, labels: Sequence) -> np.ndarray:
    return f1_on(table, labels, "weighted")


def _macro_without(table: np.ndarray, labels: Sequence, neutral: str) -> np.ndarray:
    return _f1s(table)[..., _kept(labels, neutral)].mean(-1)


def _micro_without(table: np.ndarray, labels: Sequence, neutral: str) -> np.ndarray:
    return f1_on(table, labels, "micro", neutral)


def _weighted_without(table: np.ndarray, labels: Sequence, neutral: str) -> np.ndarray:
    return f1_on(table, labels, "weighted", neutral)


def _micro_removed(table: np.ndarray, labels: Sequence, neutral: str) -> np.ndarray:
    return f1_on(_removed(table, labels, neutral), labels, "micro", neutral)


def _macro_removed(table: np.ndarray, labels: Sequence, neutral: str) -> np.ndarray:
    return _macro_without(_removed(table, labels, neutral), labels, neutral)


def _kept(labels: Sequence, neutral: str) -> list[int]:
    return [i for i, label in enumerate(labels) if label != neutral]


def _removed(table: np.ndarray, labels: Sequence, neutral: str) -> np.ndarray:
    """The counts without the utterances whose truth is neutral."""
    return table * np.array([label != neutral for label in labels])[:, None]


_PAIR = "DailyDialog: code of COSMIC (Ghosal et al. 2020) and DAG-ERC (Shen et al. 2021)"
_UNSTATED = "what a paper may mean that does not say what became of the neutral utterances"
CONVENTIONS = (
    Convention(
        "accuracy",
        "utterances that are right",
        "SER, as weighted accuracy (WA, WAR); EmoryNLP's own paper (Zahiri and Choi 2018)",
        wa_on,
    ),
    Convention(
        "UAR",
        "mean recall of all classes; NaN if one never occurs",
        "SER since the Interspeech 2009 challenge; also unweighted accuracy (UA)",
        _uar,
    ),
    Convention(
        "UAR, absent class 0",
        "mean recall of all classes, 0 for one that never occurs",
        "scikit-learn's recall_score(average='macro') with labels, per fold",
        _uar_absent_zero,
    ),
    Convention(
        "balanced accuracy",
        "mean recall of the classes that occur",
        "scikit-learn's balanced_accuracy_score, which drops the others, per fold",
        _uar_of_present,
    ),
    Convention(
        "one-against-rest accuracy",
        "mean over classes of (recall + recall of all others) / 2",
        "CMU-MOSEI (Zadeh et al. 2018), also called weighted accuracy (WA)",
        _one_against_rest,
    ),
    Convention(
        "macro F1",
        "mean F1 of all classes",
        f"{_PAIR}: the macro of their pair",
        _macro,
    ),
    Convention(
        "macro F1, classes seen",
        "mean F1 of the classes in truth or prediction",
        "scikit-learn's f1_score(average='macro') without labels",
        _macro_of_seen,
    ),
    Convention(
        "macro F1 of means",
        "harmonic mean of mean precision and mean recall",
        "one of the two formulas in use for macro F1 (Opitz and Burst 2019)",
        _macro_of_means,
    ),
    Convention(
        "micro F1",
        "F1 from the summed hits and errors of all classes, i.e. accuracy",
        "papers that say micro F1 and keep every class",
        _micro,
    ),
    Convention(
        "weighted F1",
        "mean F1 of all classes, weighted by how often they occur",
        "MELD, EmoryNLP and IEMOCAP as text: code of COSMIC and DAG-ERC",
        _weighted,
    ),
    Convention(
        "MCC",
        "Matthews' correlation of truth and prediction, all classes",
        "CASN (Gendron and Guibon 2024), there of forced choices",
        mcc_on,
    ),
    Convention(
        "macro F1 without neutral",
        "mean F1 of the other classes; neutral utterances can be false alarms",
        "CASN (Gendron and Guibon 2024), there of forced choices",
        _macro_without,
        True,
    ),
    Convention(
        "micro F1 without neutral",
        "F1 from the summed hits and errors of the other classes; false alarms count",
        f"{_PAIR}: the micro of their pair; EmoContext (SemEval-2019 task 3)",
        _micro_without,
        True,
    ),
    Convention(
        "weighted F1 without neutral",
        "mean F1 of the other classes, weighted by how often they occur",
        _UNSTATED,
        _weighted_without,
        True,
    ),
    Convention(
        "micro F1, neutral utterances removed",
        "the same after leaving out utterances whose truth is neutral: no false alarms on them",
        _UNSTATED,
        _micro_removed,
        True,
    ),
    Convention(
        "macro F1, neutral utterances removed",
        "mean F1 of the other classes, after leaving out utterances whose truth is neutral",
        _UNSTATED,
        _macro_removed,
        True,
    ),
)
