"""Records of predicted grades: how they are made, and what a chapter says of them."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from serlib import frames
from serlib.environment import environment
from serlib.errors import RecordError
from serlib.record import ROW, Record
from serlib.summaries import Records

if TYPE_CHECKING:
    import pandas as pd

    from serlib.protocols.concordance import MeanCCC


def of_fold(
    *,
    table: "pd.DataFrame",
    fold: Any,
    utterances: Sequence[str],
    predicted: Mapping[str, np.ndarray],
    **about: Any,
) -> Record:
    """Make the record of predicted numbers on a part of a corpus.

    Args:
        table: the corpus' table; ``speaker`` and the columns of the targets are read.
        fold: a `protocols.Fold`.
        utterances: those predicted.
        predicted: target → (utterances,), in the units of its column.
        about: the other fields of `Record`: paper, variant, corpus, protocol, seed, profile,
            parameters, seconds, extra.

    Returns:
        Its metrics are the CCC of each target, ``ccc_<target>``, on this part alone; numbers to
        report pool the folds' predictions.
    """
    from serlib.protocols import ccc

    part = table.loc[list(utterances)]
    metrics = {}
    for target, values in predicted.items():
        known = part[target].notna().to_numpy()
        if known.sum() > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # A target may be constant in one fold.
                value = ccc(part[target][known], np.asarray(values)[known])
            metrics[f"ccc_{target}"] = {"value": value, "low": None, "high": None}
    truths = part[list(predicted)].astype(float).to_dict("records")
    answers = [
        dict(zip(predicted, row, strict=True)) for row in zip(*predicted.values(), strict=True)
    ]
    rows = zip(part.index, part["speaker"], truths, answers, [None] * len(part), strict=True)
    return Record(
        fold=fold.name,
        held_out=fold.held_out,
        labels=[],
        utterances=[dict(zip(ROW, row, strict=True)) for row in rows],
        metrics=metrics,
        **about,
        **environment(),
    )


def ccc_by(records: Records, targets: Sequence[str], by: str = "variant") -> "pd.DataFrame":
    """CCC of each variant, over all folds' and seeds' predictions together.

    Args:
        records: a folder, or paths of files, of one corpus.
        targets: what was predicted; the CCC is their mean.
        by: what tells the systems apart: ``variant`` or ``protocol``.

    Returns:
        Indexed by ``by``: ``value``, ``low``, ``high`` (interval over speakers), then the CCC of
        each target, then ``runs``.
    """
    import pandas as pd

    from serlib.protocols import bootstrap

    found = frames.predictions(records)
    rows = {}
    for name, own in found.groupby(by, sort=False):
        (rows_of,), metric = coded([own], targets)
        whole = bootstrap(rows_of, metric)
        row = {"value": whole.value, "low": whole.low, "high": whole.high}
        for target in targets:
            (alone,), single = coded([own], [target])
            row[target] = single(alone["truth"].to_numpy(), alone["prediction"].to_numpy())
        rows[name] = row | {"runs": len(own.groupby(["fold", "seed"]))}
    return pd.DataFrame(rows).T.rename_axis(by)


def ccc_minus(
    records: Records, targets: Sequence[str], base: str, by: str = "variant"
) -> "pd.DataFrame":
    """CCC of each variant minus that of a base, on the same utterances, folds and seeds.

    Args:
        records: as in `ccc_by`.
        targets: as in `ccc_by`.
        base: what the others are compared with.
        by: as in `ccc_by`.

    Returns:
        Indexed by ``by``: ``minus <base>``, ``low``, ``high``, ``p``, ``smallest possible p``.

    Raises:
        RecordError: there is no run of the base.
        ProtocolError: a variant was not run on the same folds and seeds.
    """
    import pandas as pd

    from serlib.protocols import paired

    parts = dict(list(frames.predictions(records).groupby(by, sort=False)))
    if base not in parts:
        raise RecordError(f"{by} {base!r}: no run of it here; there are {', '.join(parts)}")
    rows = {}
    for name in [name for name in parts if name != base]:
        sides, metric = coded([parts[name], parts[base]], targets)
        found = paired(*sides, metric)
        row = {f"minus {base}": found.difference, "low": found.low, "high": found.high}
        rows[name] = row | {"p": found.p, "smallest possible p": found.smallest_p}
    return pd.DataFrame(rows).T.rename_axis(by)


def long(records: Records) -> "pd.DataFrame":
    """Return one row per utterance, run and target, with numbers as truth and prediction."""
    import pandas as pd

    found = frames.predictions(records)
    parts = []
    for target in found["prediction"].iloc[0]:
        pair = {side: [row[target] for row in found[side]] for side in ("truth", "prediction")}
        parts.append(found.assign(target=target, **pair))
    return pd.concat(parts, ignore_index=True).astype({"truth": float, "prediction": float})


def coded(
    parts: Sequence["pd.DataFrame"], targets: Sequence[str]
) -> tuple[list["pd.DataFrame"], "MeanCCC"]:
    """Bring predictions of grades into the form that intervals and tests take.

    Args:
        parts: each as `results.predictions` gives them, of one system under one protocol.
        targets: what was predicted. Rows with a target that has no truth (one rater has no
            variance) are left out.

    Returns:
        The parts with row numbers as truth and prediction, and the metric that knows the rows.
    """
    import pandas as pd

    from serlib.protocols.concordance import MeanCCC

    both = pd.concat(parts, keys=range(len(parts)), names=["part", None])
    both = both.reset_index(level="part").reset_index(drop=True)
    truth = np.array([[row[t] for t in targets] for row in both["truth"]], float)
    answers = np.array([[row[t] for t in targets] for row in both["prediction"]], float)
    known = ~np.isnan(truth).any(1)
    both, truth, answers = both[known], truth[known], answers[known]
    number = pd.factorize(both["utterance"])[0]
    first = np.unique(number, return_index=True)[1]
    both = both.assign(truth=number, prediction=np.arange(len(both)))
    columns = ["utterance", "speaker", "fold", "seed", "truth", "prediction"]
    split = [both.loc[both["part"] == i, columns] for i in range(len(parts))]
    return split, MeanCCC(truth[first], answers)
