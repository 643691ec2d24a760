"""Reduce chapter 5's tables to the numbers that its claims ask for, and record them.

Run: python tests/bench/claims_pairwise_cl.py
It reads book/results/pairwise_cl/{emodb,ravdess}/ and writes claims.json beside them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from serlib import results
from serlib.keyed import tidy
from serlib.protocols import paired

RESULTS = Path(__file__).parents[2] / "book" / "results" / "pairwise_cl"
CORPORA = ("emodb", "ravdess")


def read(name: str, *by: str) -> pd.DataFrame:
    """Read a table of the corpora that have it; a fold gets its corpus' name."""
    frames = []
    for corpus in [c for c in CORPORA if (RESULTS / c / f"{name}.json").exists()]:
        frame = tidy(results.read(RESULTS / corpus / f"{name}.json"), by)
        if "fold" in frame:
            frame["fold"] = corpus + "-" + frame["fold"].astype(str)
        frames.append(frame.assign(corpus=corpus))
    return pd.concat(frames, ignore_index=True)


def tested(name: str, first: pd.Series, second: pd.Series) -> dict[str, float]:
    """The mean difference of two numbers a fold, with an interval and p over folds (sign flips)."""
    sides = [
        pd.DataFrame({"fold": s.index, "utterance": s.index, "truth": 0.0, "prediction": s})
        for s in (first, second)
    ]
    found = paired(*sides, lambda _, p: float(np.mean(p)), cluster="fold")
    ends = {"low": found.low, "high": found.high, "p": found.p, "smallest_p": found.smallest_p}
    return {name: found.difference} | {f"{name}_{end}": value for end, value in ends.items()}


def alignment_gain() -> dict[str, float]:
    """PWCCA after Pairwise-CL minus after supervision, mean over all directions (PC-2)."""
    frame = read("pwcca_folds", "stage", "x", "y", "fold")
    means = frame.pivot_table(index="fold", columns="stage", values="value")
    found = tested("pretrained_minus_supervised", means["pretrained"], means["supervised"])
    return found | tested("pretrained_minus_before", means["pretrained"], means["before"])


def alignment_and_score() -> dict[str, float]:
    """Spearman's ρ of PWCCA and UAR in each fold, minus 0 (PC-5); and among models of one kind."""
    frame = read("pwcca_uar", "view", "training", "percent", "fold")
    alike = frame.copy()
    for column in ("pwcca", "uar"):
        alike[column] -= frame.groupby(["corpus", "view", "percent"])[column].transform("mean")
    return _rho("rho", frame) | _rho("rho_within_view_and_share", alike)


def _rho(name: str, frame: pd.DataFrame) -> dict[str, float]:
    rows = {f: p["pwcca"].corr(p["uar"], method="spearman") for f, p in frame.groupby("fold")}
    rho = pd.Series(rows)
    return tested(name, rho, rho * 0)


def temperature() -> dict[str, float]:
    """UAR at τ = 0.5 minus the best other τ's, mean over corpora, views and shares (PC-6)."""
    frame = read("temperatures", "tau", "view", "percent")
    means = frame.groupby("tau")["value"].mean()
    return {"tau_half_minus_best_other": float(means["0.5"] - means.drop("0.5").max())}


def main() -> None:
    """Write the numbers of all tables."""
    values: dict[str, float] = {}
    for compute in (alignment_gain, alignment_and_score, temperature):
        values |= compute()
    about = {"over": "five folds a corpus, of the corpora whose tables are there"}
    about |= {
        name: [c for c in CORPORA if (RESULTS / c / f"{name}.json").exists()]
        for name in ("pwcca_folds", "pwcca_uar", "temperatures")
    }
    record = results.Measurement("pairwise_cl", "claims", values, about, **results.environment())
    print(results.write(record, RESULTS))


if __name__ == "__main__":
    main()
