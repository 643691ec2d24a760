"""Compute the differences that chapter 6's claims are about, from runs of ``measure_casn``.

Each is a variant minus another, paired by dialogue and seed. The released wiring has no
predictions, only a forced choice a seed: its interval is Student's over seeds.

Run: SERLIB_DATA=../shared python tests/bench/contrasts_casn.py RUNS (the folder of measure_casn).
"""

import sys
from pathlib import Path

import numpy as np
from casn_networks import corpus
from casn_tables import against, pooled
from measure_casn import OUTPUT
from scipy.stats import t

from serlib import results
from serlib.papers.casn_readout import metrics

#: name → what, minus what; each an experiment, a variant and a read-out.
CONTRASTS = {
    "context": (("grid", "mild-weights", "head"), ("grid", "mild-isolated", "head")),
    "context_full": (("full", "mild-weights", "head"), ("full", "mild-isolated", "head")),
    "context_balanced": (("grid", "ce", "head"), ("grid", "isolated", "head")),
    "balance": (("grid", "ce", "head"), ("grid", "no-balance", "head")),
    "balance_plain": (("grid", "ce", "head_plain"), ("grid", "no-balance", "head_plain")),
    "two_steps": (("grid", "two-step", "prototype"), ("grid", "ce", "head")),
    "two_steps_full": (("full", "two-step", "prototype"), ("full", "ce", "head")),
    "two_steps_heads": (("grid", "two-step", "head"), ("grid", "ce", "head")),
    "two_steps_prototypes": (("grid", "two-step", "prototype"), ("grid", "ce", "prototype")),
    "joint": (("grid", "joint", "head"), ("grid", "two-step", "prototype")),
    "sentences": (("pieces", "sentence", "head"), ("pieces", "pieces", "head")),
}


def forced_choice(folder):
    """The released wiring's forced choice, mean over seeds with Student's interval."""
    extras = pooled(folder, "released", "released")[1]
    values = {}
    for name in ("macro_f1", "micro_f1", "mcc"):
        own = extras[f"forced_{name}"].to_numpy()
        values[name] = own.mean()
        if len(own) > 1:
            half = t.ppf(0.975, len(own) - 1) * own.std(ddof=1) / np.sqrt(len(own))
            values |= {f"{name}_low": own.mean() - half, f"{name}_high": own.mean() + half}
    return values | {"released_seeds": len(extras)}


def main(folder):
    """Write the contrasts whose runs are there."""
    scores, values = metrics(corpus().labels), forced_choice(folder)
    for name, sides in CONTRASTS.items():
        found = [pooled(folder, *side[:2])[0].get(side[2]) for side in sides]
        if all(frame is not None for frame in found):
            values |= against(*found, scores, name)
    about = {name: [" ".join(side) for side in sides] for name, sides in CONTRASTS.items()}
    made = results.Measurement("casn", "contrasts", values, about, **results.environment())
    results.write(made, OUTPUT)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
