"""Make the measurements of chapter 5 of what measure_pairwise_cl.py has run so far.

Run: python tests/bench/tables_pairwise_cl.py SCRATCH CORPUS OUTPUT; OUTPUT outside the checkout, so
that what is written does not make it differ from its revision.
"""

import sys
from functools import cache, partial
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from measure_pairwise_cl import DRAWS, FEW, FINE, FRAMES, LABELS, PRE, VARIANTS, VIEWS

from serlib import results
from serlib.keyed import flat
from serlib.protocols import bootstrap, paired, pwcca, pwcca_floor, uar

UAR = partial(uar, labels=LABELS)
COMPONENTS = 16
STAGES = {"before": "untrained", "pretrained": "pretrained", "supervised": "supervised-{}-100-0"}
STAGES |= {"full": "full-{}-100-0"}


class Tables:
    """The tables of one corpus."""

    def __init__(self, scratch: Path, name: str, output: Path):
        self.scratch, self.name, self.directory = scratch, name, output / name

    @cache  # noqa: B019 (one object a program)
    def runs(self, variant: str) -> dict[str, pd.DataFrame]:
        """Predictions by variant's name, of those run on all folds and draws."""
        folder = self.scratch / "records" / self.name / variant
        if not folder.exists():
            return {}
        found = results.predictions(folder)
        whole = len(DRAWS) * 5
        parts = dict(list(found.groupby("variant", sort=False)))
        return {
            k: p for k, p in parts.items() if len(p[["fold", "seed"]].drop_duplicates()) == whole
        }

    def write(self, what: str, frame: pd.DataFrame, by: list[str], **about) -> None:
        """Write a table, if it has rows."""
        if frame.empty:
            return
        settings = {"corpus": self.name, "labels": list(LABELS), "chance": 1 / len(LABELS)}
        settings |= {"views": {v: view.name for v, view in VIEWS.items()}, "draws": len(DRAWS)}
        settings |= {"protocol": "five parts of speakers", "frames": FRAMES}
        settings |= {"pre-training": PRE, "fine-tuning": FINE} | about
        values, now = flat(frame, by), results.environment()
        record = results.Measurement("pairwise_cl", what, values, settings, **now)
        print(results.write(record, self.directory), len(frame), flush=True)

    def fractions(self) -> None:
        """UAR by view, training and share of the labels."""
        rows = []
        for name, part in self.runs("headline").items():
            found = bootstrap(part, UAR)
            row = keys(name) | {"value": found.value, "low": found.low, "high": found.high}
            rows.append(row | {"over draws": spread(part)})
        self.write("fractions", pd.DataFrame(rows), ["view", "training", "percent"])

    def differences(self, what: str, pairs: list[tuple[str, str]]) -> None:
        """One training minus another, of the same view, share, folds and draws."""
        runs, rows = self.runs("headline"), []
        for one, other in pairs:
            for name in [n for n in runs if n.startswith(f"{one}-")]:
                base = name.replace(one, other, 1)
                if base in runs:
                    rows.append(keys(name) | difference(runs[name], runs[base]))
        self.write(what, pd.DataFrame(rows), ["view", "training", "percent"])

    def variants(self, what: str, chosen: dict[str, str], key: str) -> None:
        """Pre-trainings read linearly, and each minus the headline's and minus supervision."""
        headline, rows = self.runs("headline"), []
        for variant, label in chosen.items():
            for name, part in self.runs(variant).items():
                at = keys(name)
                if at["training"] != "linear" or at["percent"] not in map(str, FEW):
                    continue
                found = bootstrap(part, UAR)
                row = {key: label, "view": at["view"], "percent": at["percent"]}
                row |= {"value": found.value, "low": found.low, "high": found.high}
                for base in ("linear", "supervised", "raw"):
                    if (other := headline.get(name.replace("linear", base, 1))) is not None:
                        minus = difference(part, other)
                        row |= {f"minus {base} {k}": v for k, v in minus.items()}
                rows.append(row)
        if len({row[key] for row in rows}) > 1:
            self.write(what, pd.DataFrame(rows), [key, "view", "percent"], training="linear")

    def output(self, fold: int, name: str) -> np.ndarray | None:
        """An encoder's outputs on the test part."""
        path = self.scratch / "outputs" / self.name / f"{fold}-headline-{name}.npy"
        return np.load(path) if path.exists() else None

    def sides(self, fold: int, stage: str, x: str, y: str) -> list[np.ndarray] | None:
        """The outputs of two views in a stage, if both are there."""
        names = [stage.format(v) if "{" in stage else f"{stage}-{v}" for v in (x, y)]
        found = [self.output(fold, name) for name in names]
        return None if any(side is None for side in found) else found

    def alignment(self) -> None:
        """PWCCA by stage and pair of views, both directions, beside its floor; mean over folds."""
        rows = []
        for stage, x, y in [(s, *pair) for s in STAGES for pair in permutations(VIEWS, 2)]:
            at = {"stage": stage, "x": x, "y": y}
            for fold in range(5):
                if (both := self.sides(fold, STAGES[stage], x, y)) is not None:
                    value, floor = (f(*both, components=COMPONENTS) for f in (pwcca, pwcca_floor))
                    row = {"fold": str(fold), "value": value, "floor": floor, "n": len(both[0])}
                    rows.append(at | row)
        folds, by = pd.DataFrame(rows), ["stage", "x", "y"]
        about = {"components": COMPONENTS, "trained with": "all labels, first draw"}
        self.write("pwcca_folds", folds, [*by, "fold"], **about)
        means = []
        for at, part in folds.groupby(by, sort=False):
            if len(part) == 5:
                rest = {"floor": part["floor"].mean(), "n": part["n"].mean()}
                means.append(dict(zip(by, at, strict=True)) | mean(part["value"].tolist()) | rest)
        self.write("pwcca", pd.DataFrame(means), by, **about)

    def points(self) -> None:
        """PWCCA of a trained view with the others beside its UAR, and their rank correlation."""
        rows = []
        for name, part in self.runs("headline").items():
            at = keys(name)
            if at["training"] not in ("supervised", "full"):
                continue
            x, trained = at["view"], f"{at['training']}-{{}}-{at['percent']}-0"
            for fold, own in enumerate(sorted(part["fold"].unique())):
                pairs = [self.sides(fold, trained, x, y) for y in VIEWS if y != x]
                if None in pairs:
                    continue
                alike = [pwcca(*pair, components=COMPONENTS) for pair in pairs]
                here = part[(part["fold"] == own) & (part["seed"] == 0)]
                scored = UAR(here["truth"], here["prediction"])
                rows.append(at | {"fold": str(fold), "pwcca": np.mean(alike), "uar": scored})
        frame = pd.DataFrame(rows)
        self.write("pwcca_uar", frame, ["view", "training", "percent", "fold"], draw=0)
        if len(frame) and frame["fold"].nunique() == 5:
            self.write("correlation", correlations(frame), ["of"], measure="Spearman's rho")


def keys(name: str) -> dict[str, str]:
    """Read ``full-mel-10``."""
    return dict(zip(("training", "view", "percent"), name.split("-"), strict=True))


def spread(part: pd.DataFrame) -> float:
    """Standard deviation over draws of the pooled UAR."""
    return float(
        np.std([UAR(p["truth"], p["prediction"]) for _, p in part.groupby("seed")], ddof=1)
    )


def difference(one: pd.DataFrame, other: pd.DataFrame) -> dict:
    """One minus the other, paired, with interval over speakers and p."""
    found = paired(one, other, UAR)
    at = {"difference": found.difference, "low": found.low, "high": found.high}
    return at | {"p": found.p, "smallest_p": found.smallest_p}


def mean(values: list[float]) -> dict:
    """Mean over folds, with an interval over them."""
    names = [str(i) for i in range(len(values))]
    frame = pd.DataFrame({"prediction": values, "truth": 0.0, "fold": names, "utterance": names})
    found = bootstrap(frame, lambda _, p: float(p.mean()), cluster="fold")
    return {"value": found.value, "low": found.low, "high": found.high}


def correlations(frame: pd.DataFrame) -> pd.DataFrame:
    """Spearman's ρ of PWCCA and UAR: over all points, and over those of one view and share.

    Folds are drawn for the interval: all points of a fold share their speakers.
    """
    within = frame.copy()
    for column in ("pwcca", "uar"):
        within[column] -= frame.groupby(["view", "percent"])[column].transform("mean")
    rows = []
    parts = {"all points": frame, "within view and share": within}
    parts |= dict(list(frame.groupby("training")))
    for name, part in parts.items():
        given = part.assign(truth=part["pwcca"], prediction=part["uar"])
        given["utterance"] = np.arange(len(given)).astype(str)
        found = bootstrap(given[["truth", "prediction", "fold", "utterance"]], rho, cluster="fold")
        at = {"of": name, "rho": found.value, "low": found.low, "high": found.high}
        rows.append(at | {"points": len(part)})
    return pd.DataFrame(rows)


def rho(x, y) -> float:
    """Spearman's rank correlation."""
    return float(pd.Series(np.asarray(x)).corr(pd.Series(np.asarray(y)), method="spearman"))


def main(scratch: str, name: str, output: str) -> None:
    """Write every table whose runs are there."""
    tables = Tables(Path(scratch), name, Path(output))
    tables.fractions()
    tables.differences("gains", [("linear", "supervised"), ("full", "supervised")])
    tables.differences("gains_over_raw", [(k, "raw") for k in ("linear", "supervised", "full")])
    tables.differences("full_minus_linear", [("full", "linear")])
    tables.alignment()
    tables.points()
    groups = {
        "sizes": ("size", "size-", "all"),
        "temperatures": ("tau", "tau-", "0.5"),
        "view_sets": ("views", "views-", "ssl+mel+functionals"),
        "emotions": ("emotions", "emotions-", "target"),
        "cross": ("pretraining_corpus", "from-", name),
        "transductive": ("transductive", "transductive", "False"),
    }
    for what, (key, prefix, ours) in groups.items():
        chosen = {v: v.removeprefix(prefix) or "True" for v in VARIANTS if v.startswith(prefix)}
        tables.variants(what, {"headline": ours} | chosen, key)


if __name__ == "__main__":
    main(*sys.argv[1:])
