"""Pool the seeds of chapter 6's runs, and write one measurement per variant."""

import json

import numpy as np
import pandas as pd
from casn_networks import EPOCHS, GRID, SHARE, SIZE, TRIPLET_EPOCHS, TRIPLETS, corpus, fold
from casn_others import FEW, PIECES_EPOCHS, RELEASED_EPOCHS
from measure_finetuned_casn import without_copies

from serlib import protocols, results, views
from serlib.papers import casn_score as score
from serlib.papers.casn_readout import metrics
from serlib.papers.casn_released_data import RESAMPLED

BASE = "ce"
HEADLINES = ("full", "baseline")  # also scored without copied dialogues


def frame(told, readout, seed, utterances):
    table = corpus().table.loc[sorted(utterances)]
    return pd.DataFrame(
        {
            "utterance": table.index,
            "dialogue": table["dialogue"].to_numpy(),
            "seed": seed,
            "truth": table["emotion"].to_numpy(),
            "prediction": np.array(corpus().labels)[told["codes"][readout]],
        }
    )


def pooled(runs, experiment, name):
    """Each read-out's predictions over the seeds that are there, and the means of the extras."""
    paths = sorted(runs.glob(f"{experiment}-{name}-[0-9].json"))
    told = {int(p.stem[-1]): json.loads(p.read_text()) for p in paths}
    frames = {}
    for seed, one in told.items():
        utterances = one["extra"].pop("test", None) or fold().test
        for readout in one["codes"]:
            frames.setdefault(readout, []).append(frame(one, readout, seed, utterances))
    extras = pd.DataFrame([one["extra"] for one in told.values()])
    return {k: pd.concat(v) for k, v in frames.items()}, extras, len(told)


def shaped(experiment, name):
    """What shaped the networks of an experiment; baselines and controls have no network."""
    trained = SIZE | {"epochs": EPOCHS, "train_share": 1 / SHARE}
    return {
        "baseline": {"train_share": 1},
        "grid": trained | {"triplet_epochs": TRIPLET_EPOCHS, "steps": repr(GRID.get(name))},
        "full": trained
        | {"triplet_epochs": TRIPLET_EPOCHS, "steps": repr(GRID.get(name)), "train_share": 1},
        "performance": trained | {"triplet_epochs": TRIPLET_EPOCHS, "train_share": 1},
        "released": {"epochs": RELEASED_EPOCHS, "resampled": RESAMPLED},
        "episodes": trained,
        "transfer": {} if name == "frozen" else trained,
        "pieces": SIZE | {"epochs": PIECES_EPOCHS, "dialogues": FEW},
    }.get(experiment, {})


def numbers(frames, base, fresh):
    """Every read-out's scores with intervals, and its paired difference from the base.

    Once more for the ``fresh`` dialogues, if there are such.
    """
    labels, values = corpus().labels, {}
    for readout, own in frames.items():
        parts = {"": own}
        parts |= {"_fresh": own[own["dialogue"].isin(fresh)]} if fresh else {}
        for suffix, part in parts.items():
            for metric, row in score.intervals(part, labels).iterrows():
                key = f"{readout}_{metric}{suffix}"
                values |= {key: row["value"], f"{key}_low": row["low"], f"{key}_high": row["high"]}
        if base is not None and not readout.endswith("plain"):
            values |= against(own, base, metrics(labels), f"{readout}_minus_base")
    return values


def write(runs, output, experiments):
    """Write a measurement for every variant that has runs; experiments: name → variants."""
    bases = {name: pooled(runs, name, BASE)[0] for name in ("grid", "full")}
    bases |= {"pieces": pooled(runs, "pieces", "sentence")[0], "baseline": bases["full"]}
    fresh = without_copies(corpus().table, fold())
    for experiment, names in experiments.items():
        base = bases.get(experiment, bases["grid"]).get("head")
        for name in names:
            frames, extras, seeds = pooled(runs, experiment, name)
            if not seeds:
                continue
            values = {"seeds": seeds} | extras.mean().to_dict()
            if seeds > 1:
                values |= {f"{k}_sd": v for k, v in extras.std().items()}
            values |= numbers(frames, base, fresh if experiment in HEADLINES else ())
            about = {"experiment": experiment, "variant": name, "triplets": TRIPLETS}
            about |= shaped(experiment, name)
            about |= {"view": views.Sentence().name, "corpus": corpus().name, "split": "official"}
            made = results.Measurement(
                "casn", f"{experiment}-{name}", values, about, **results.environment()
            )
            results.write(made, output)


def write_predictions(runs, output, names=("two-step", "mild-weights"), seed=0):
    """The predictions of two variants as records, for what needs every utterance."""
    for name in names:
        path = runs / f"full-{name}-{seed}.json"
        if not path.exists():
            continue
        told, part = json.loads(path.read_text()), fold()
        record = results.of_fold(
            table=corpus().table, fold=part, utterances=sorted(part.test),
            scores=np.eye(len(corpus().labels))[told["codes"]["head"]], labels=corpus().labels,
            paper="casn", variant=name, corpus=corpus().name, protocol="official split", seed=seed,
            profile="paper", parameters=SIZE | {"epochs": EPOCHS, "steps": repr(GRID[name])},
            seconds=told["extra"]["seconds"], extra={"readout": "head"} | told["extra"],
        )  # fmt: skip
        for row in record.utterances:
            row["scores"] = None  # They were not kept; the predictions are enough.
        results.write(record, output)


def against(own, base, scores, prefix):
    """Paired differences on the seeds that both have; a baseline without seeds is repeated."""
    seeds = sorted(set(own["seed"]) & set(base["seed"]))
    own, base = (f[f["seed"].isin(seeds)] for f in (own, base))
    values = {}
    for metric in ("micro_f1", "macro_f1"):
        found = protocols.paired(own, base, scores[metric], cluster="dialogue")
        name = f"{prefix}_{metric}"
        values |= {name: found.difference, f"{name}_low": found.low, f"{name}_high": found.high}
        values[f"{name}_p"] = found.p
    return values
