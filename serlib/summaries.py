"""What a chapter says of its records: each variant's score, its differences, what probes read."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from serlib import results
from serlib.errors import RecordError

if TYPE_CHECKING:
    import pandas as pd

    from serlib.protocols import Interval, PairedResult

Records = Path | str | Iterable[Path | str]


def by_variant(records: Records) -> "pd.DataFrame":
    """UAR of each variant: pooled over all predictions with its interval, and over folds.

    Args:
        records: a folder, or paths of files, of one corpus and protocol.

    Returns:
        Columns ``variant``, ``value``, ``low``, ``high`` (pooled UAR, interval over speakers),
        ``mean over folds`` (of each fold's own UAR, as many papers report it), ``WA``, ``runs``,
        ``speakers``.
    """
    import pandas as pd

    from serlib.protocols import bootstrap

    predictions, runs, rows = results.predictions(records), results.table(records), []
    metric = _uar(records)
    for variant, own in runs.groupby("variant", sort=False):
        found = bootstrap(predictions[predictions["variant"] == variant], metric)
        row = {"variant": variant, "value": found.value, "low": found.low, "high": found.high}
        row |= {"mean over folds": own["uar"].mean(), "WA": own["wa"].mean()}
        rows.append(row | {"runs": len(own), "speakers": found.clusters})
    return pd.DataFrame(rows)


def differences(records: Records, base: str = "base") -> "pd.DataFrame":
    """UAR of each variant minus that of the base, on the same utterances, folds and seeds.

    Args:
        records: a folder, or paths of files, of one corpus and protocol.
        base: the variant that the others are compared with.

    Returns:
        Columns ``variant``, ``minus base``, ``low``, ``high``, ``p``, ``smallest possible p``.

    Raises:
        RecordError: there is no run of the base.
        ProtocolError: a variant was not run on the same folds and seeds.
    """
    import pandas as pd

    from serlib.protocols import paired

    predictions, metric = results.predictions(records), _uar(records)
    parts = dict(list(predictions.groupby("variant", sort=False)))
    if base not in parts:
        raise RecordError(f"variant {base!r}: no run of it here; there are {', '.join(parts)}")
    rows = []
    for variant in [name for name in parts if name != base]:
        found = paired(parts[variant], parts[base], metric)
        row = {"variant": variant, f"minus {base}": found.difference, "low": found.low}
        row |= {"high": found.high, "p": found.p, "smallest possible p": found.smallest_p}
        rows.append(row)
    return pd.DataFrame(rows)


def by_subspace(probes: "pd.DataFrame") -> "pd.DataFrame":
    """What linear probes read from each subspace: mean over folds, interval over folds.

    Args:
        probes: of one variant, as `results.probes` gives them.

    Returns:
        Columns ``subspace``, ``target``, ``accuracy``, ``low``, ``high``, ``chance``, ``bits``.
    """
    import pandas as pd

    rows = []
    for (target, subspace), part in probes.groupby(["target", "subspace"], sort=False):
        found = mean_over_folds(part, "score")
        row = {"subspace": subspace, "target": target, "accuracy": found.value, "low": found.low}
        row |= {"high": found.high, "chance": part["chance"].mean(), "bits": part["bits"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)


def probe_difference(
    probes: "pd.DataFrame", target: str, first: str, second: str
) -> "PairedResult":
    """How much better a target is read from one subspace than from another, paired by fold.

    Args:
        probes: of one variant, as `results.probes` gives them.
        target: what is read, e.g. ``"speaker"``.
        first: a subspace, e.g. ``"z_ei"``.
        second: the subspace it is compared with.

    Raises:
        RecordError: the target was not read from one of them.
    """
    from serlib.protocols import paired

    sides = []
    for name in (first, second):
        part = probes[(probes["target"] == target) & (probes["subspace"] == name)]
        if part.empty:
            raise RecordError(f"{target} was not read from {name} in these records; run them again")
        sides.append(_fold_means(part, "score"))
    return paired(*sides, _mean, cluster="fold")


def mean_over_folds(frame: "pd.DataFrame", column: str) -> "Interval":
    """The mean of a column over folds, seeds averaged first, with an interval over folds.

    Args:
        frame: columns ``fold`` and ``column``, one row a fold and seed.
        column: what is averaged.
    """
    from serlib.protocols import bootstrap

    return bootstrap(_fold_means(frame, column), _mean, cluster="fold")


def _fold_means(frame: "pd.DataFrame", column: str) -> "pd.DataFrame":
    """One row a fold in the form that intervals and tests take; a fold's seeds are averaged."""
    means = frame.groupby("fold", as_index=False)[column].mean()
    named = means.rename(columns={column: "prediction"})
    return named.assign(truth=0.0, utterance=named["fold"])


def _mean(_, prediction) -> float:
    return float(prediction.mean())


def _uar(records: Records) -> partial:
    from serlib.protocols import uar

    return partial(uar, labels=results.labels(records))
