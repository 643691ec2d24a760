"""Run chapter 6's experiments on DailyDialog and write what they gave.

``python tests/bench/measure_casn.py RUNS [--seeds 0 1 2] [--write]`` keeps each run's predictions
in the folder RUNS, so that it can be stopped and started again, and with ``--write`` pools the
seeds into one measurement per variant below ``book/results/casn``, with intervals over dialogues.
"""

import argparse
import json
from pathlib import Path

import torch
from casn_networks import FULL, GRID, baseline, control, full, grid, performance
from casn_others import episodes, pieces, released, transfer
from casn_tables import write, write_predictions

OUTPUT = Path(__file__).parents[2] / "book/results/casn"
RUNS = {
    "control": (control, ("noise", "frozen")),
    "baseline": (baseline, ("majority", "logistic")),
    "grid": (grid, tuple(GRID)),
    "released": (released, ("released",)),
    "episodes": (episodes, ("prototypical", "relation")),
    "transfer": (transfer, ("frozen", "ce", "two-step")),
    "full": (full, FULL),
    "pieces": (pieces, ("sentence", "pieces")),
    "performance": (performance, ("two-step",)),
}


def run(runs, seeds, experiments):
    for seed in seeds:
        for experiment in experiments:
            make, names = RUNS[experiment]
            for name in names:
                path = runs / f"{experiment}-{name}-{seed}.json"
                if path.exists():
                    continue
                found, extra = make(name, seed, runs)
                told = {k: v.tolist() for k, v in found.items()}
                path.with_suffix(".part").write_text(json.dumps({"codes": told, "extra": extra}))
                path.with_suffix(".part").rename(path)
                print(path.name, {k: v for k, v in extra.items() if k != "test"}, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--experiments", nargs="*", choices=RUNS, default=list(RUNS))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    run(asked.runs, asked.seeds, asked.experiments)
    if asked.write:
        write(asked.runs, asked.output, {name: RUNS[name][1] for name in asked.experiments})
        write_predictions(asked.runs, asked.output / "predictions")
