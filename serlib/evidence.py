"""What the records say on a claim: our number, its interval, and the verdicts they allow."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from serlib import regression, results
from serlib.errors import RecordError
from serlib.summaries import mean_over_folds, probe_difference

if TYPE_CHECKING:
    import pandas as pd

    from serlib.claims import Claim

_SCALE = {"%": 100.0, "points": 100.0, "M": 1e-6, "G": 1e-9, "": 1.0}


@dataclass(frozen=True)
class Measured:
    """Our number for a claim, in the claim's unit; ``p`` is of a paired difference only."""

    value: float
    low: float
    high: float
    p: float | None = None


def measured(claim: "Claim") -> Measured | None:
    """Compute our number and its interval from a claim's evidence, or None if it has no measure.

    The interval is clustered by speaker, or by dialogue (see `results.cluster`); of a mean over
    folds, by fold. A value of a measurement may bring its own (``<name>_low``, ``<name>_high``, and
    for a difference ``<name>_p``); a counted number is its own interval.

    Raises:
        RecordError: the evidence lacks the variant or the value that the measure names.
        ProtocolError: the evidence does not allow the metric.
    """
    if claim.measure is None or not claim.evidence:
        return None
    if "value" in claim.measure:
        found = _counted(claim)
    elif "probe" in claim.measure:
        found = _probed(claim)
    elif "minus" in claim.measure:
        found = _difference(claim)
    else:
        found = _sampled(claim)
    scale = _SCALE[claim.unit]
    return Measured(found.value * scale, found.low * scale, found.high * scale, found.p)


def allowed_verdicts(claim: "Claim", found: Measured | None = None) -> tuple[str, ...]:
    """Return the verdicts that our number for a claim allows; none if there is no such number.

    A value is reproduced if our interval contains it; a relation if it holds with p < 0.05, and it
    is contradicted if the opposite does. With a margin the relation is "no worse than that": it
    holds if the whole interval lies above minus the margin, and is contradicted if all lies below.

    Args:
        claim: the claim.
        found: our number, where it has been measured already.
    """
    found = measured(claim) if found is None else found
    if found is None:
        return ()
    if claim.value is not None:
        within = claim.measure.get("within", 0.0)
        verdict = results.compare(found, claim.value, within)
        return (verdict,) if verdict == "reproduced" else (verdict, "contradicted")
    if (margin := claim.measure.get("margin")) is not None:
        if found.low > -margin:
            return ("reproduced",)
        return ("contradicted",) if found.high < -margin else ("not reproduced",)
    if found.p is None or found.p >= 0.05:
        return ("not reproduced",)
    return ("reproduced",) if found.value > 0 else ("contradicted",)


def _counted(claim: "Claim") -> Measured:
    name = claim.measure["value"]
    for path in claim.evidence:
        record = results.read(path)
        values = vars(record)["values"] if record.kind == "measurement" else {}
        if (number := values.get(name)) is not None:
            low, high = (values.get(f"{name}_{end}", number) for end in ("low", "high"))
            return Measured(number, low, high, values.get(f"{name}_p"))
    raise RecordError(f"{claim.id}: no value {name!r} in {', '.join(claim.records)}")


def _sampled(claim: "Claim") -> Measured:
    from serlib.protocols import bootstrap

    name, variant = claim.measure["metric"], claim.measure["variant"]
    if claim.measure.get("aggregate") == "folds":
        runs = results.table(claim.evidence)
        runs = _of_variant(runs, variant, claim)
        interval = mean_over_folds(runs, name)
    else:
        (own,), metric = _sides(claim, variant)
        interval = bootstrap(own, metric, cluster=results.cluster(own))
    return Measured(interval.value, interval.low, interval.high)


def _difference(claim: "Claim") -> Measured:
    from serlib.protocols import paired

    (first, second), metric = _sides(claim, claim.measure["variant"], claim.measure["minus"])
    found = paired(first, second, metric, cluster=results.cluster(first))
    return Measured(found.difference, found.low, found.high, found.p)


def _probed(claim: "Claim") -> Measured:
    frame = _of_variant(results.probes(claim.evidence), claim.measure["variant"], claim)
    names = (claim.measure[key] for key in ("probe", "subspace", "minus"))
    found = probe_difference(frame, *names)
    return Measured(found.difference, found.low, found.high, found.p)


def _sides(claim: "Claim", *variants: str) -> tuple[list["pd.DataFrame"], Any]:
    """The variants' predictions, and the metric that compares them with the truth."""
    found = results.predictions(claim.evidence)
    if (condition := claim.measure.get("condition")) is not None:
        found = found[found["protocol"].str.endswith(f", {condition}")]
    parts = [_of_variant(found, variant, claim) for variant in variants]
    if claim.measure["metric"] == "ccc":
        return regression.coded(parts, claim.measure["targets"])
    return parts, _metric(claim)


def _metric(claim: "Claim") -> Any:
    from serlib.protocols.metrics import METRICS

    try:
        labels = results.labels(claim.evidence)
    except RecordError as error:
        raise RecordError(f"{claim.id}: {error}") from error
    return partial(METRICS[claim.measure["metric"]], labels=labels)


def _of_variant(frame: "pd.DataFrame", variant: str, claim: "Claim") -> "pd.DataFrame":
    chosen = frame[frame["variant"] == variant]
    if chosen.empty:
        raise RecordError(f"{claim.id}: no run of variant {variant!r} in its records")
    return chosen
