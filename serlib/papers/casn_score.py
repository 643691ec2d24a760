"""Scoring CASN as emotion in conversation is scored: every turn of the natural distribution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from serlib import training
from serlib.papers.casn import CASN
from serlib.papers.casn_calibration import best_bias, biased
from serlib.papers.casn_data import Dialogues
from serlib.papers.casn_readout import knn_scores, metrics, prototype_scores, prototypes
from serlib.protocols import bootstrap

READOUTS = ("head", "prototype", "knn")


@dataclass(frozen=True)
class ReadOut:
    """Scores of the test part by one way of reading.

    Attributes:
        scores: probabilities after the neutral bias, (N, C), in the order of ``test.scored``.
        plain: before it.
        bias: fitted on the validation part.
        dev_micro_f1: what it reached there, without neutral.
    """

    scores: np.ndarray
    plain: np.ndarray
    bias: float
    dev_micro_f1: float


def space(module: CASN, data: Mapping[str, Dialogues], device: str = "auto") -> dict:
    """The vectors z of each part, (N, D), by its name."""
    return {n: training.embed(module, own, device=device)["z"] for n, own in data.items()}


def read_out(
    module: CASN,
    data: Mapping[str, Dialogues],
    readouts: Sequence[str] = READOUTS,
    k: int = 25,
    device: str = "auto",
) -> dict[str, ReadOut]:
    """Classify the test part from the space in several ways, each with its own neutral bias.

    Args:
        module: a trained `CASN`.
        data: ``train``, ``dev`` and ``test``.
        readouts: of ``"head"`` (the classifier), ``"prototype"`` (of the training part) and
            ``"knn"``.
        k: neighbours.
        device: see `training.fit`.
    """
    z, made = space(module, data, device), {}
    truth, classes = data["train"].truth, len(data["train"].labels)
    for name in readouts:
        if name == "head":
            logits = {p: _head(module, z[p]) for p in ("dev", "test")}
        elif name == "prototype":
            means = prototypes(z["train"], truth, classes)
            logits = {p: prototype_scores(z[p], means) for p in ("dev", "test")}
        else:
            logits = {
                p: _log(knn_scores(z["train"], truth, z[p], classes, k), 1 / k)
                for p in ("dev", "test")
            }
        made[name] = calibrated(logits, data["dev"].truth, module.labels.index(module.neutral))
    return made


def calibrated(
    logits: Mapping[str, np.ndarray],
    truth: np.ndarray,
    neutral: int,
    weights: np.ndarray | None = None,
) -> ReadOut:
    """Fit the neutral bias on ``dev`` and apply it to ``test``.

    Args:
        logits: (n, C) of ``dev`` and ``test``.
        truth: classes of ``dev``, as numbers.
        neutral: number of the neutral class.
        weights: of the turns of ``dev``, see `best_bias`.
    """
    bias, dev = best_bias(truth, logits["dev"], neutral, weights)
    test = logits["test"]
    return ReadOut(biased(test, neutral, bias), biased(test, neutral, 0.0), bias, dev)


def predictions(
    scores: np.ndarray, data: Dialogues, table: pd.DataFrame, seed: int = 0
) -> pd.DataFrame:
    """Scores of a part as the frame that `protocols.bootstrap` and `protocols.paired` take.

    Args:
        scores: (N, C), in the order of ``data.scored``.
        data: the part.
        table: the corpus table.
        seed: of the run; frames of several seeds may be joined.

    Returns:
        Columns utterance, dialogue, seed, truth, prediction.
    """
    labels = np.array(data.labels)
    return pd.DataFrame(
        {
            "utterance": data.scored,
            "dialogue": table.loc[data.scored, "dialogue"].to_numpy(),
            "seed": seed,
            "truth": labels[data.truth],
            "prediction": labels[scores.argmax(1)],
        }
    )


def intervals(frame: pd.DataFrame, labels: Sequence[str], n: int = 2000) -> pd.DataFrame:
    """Every score of `casn_readout.metrics`, with its interval over dialogues.

    Args:
        frame: as `predictions` gives it.
        labels: all classes.
        n: resamples.

    Returns:
        Index: the score's name; columns value, low, high.
    """
    found = {
        name: bootstrap(frame, metric, cluster="dialogue", n=n)
        for name, metric in metrics(labels).items()
    }
    rows = {name: (i.value, i.low, i.high) for name, i in found.items()}
    return pd.DataFrame.from_dict(rows, "index", columns=["value", "low", "high"])


def _head(module: CASN, z: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return module.classifier.cpu()(torch.from_numpy(z)).numpy()


def _log(scores: np.ndarray, least: float = 1e-12) -> np.ndarray:
    return np.log(np.maximum(scores, least))
