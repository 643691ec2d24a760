"""Run chapter 6's experiments on DailyDialog and write what they gave.

``python tests/bench/measure_casn.py RUNS [--seeds 0 1 2] [--write]`` keeps each run's predictions
in the folder RUNS, so that it can be stopped and started again, and with ``--write`` pools the
seeds into one measurement per variant below ``book/results/casn``, with intervals over dialogues.
"""

import argparse
import json
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from serlib import protocols, results, training, views
from serlib.corpora import load_corpus
from serlib.papers import casn_baselines as baselines
from serlib.papers import casn_score as score
from serlib.papers import casn_train as steps
from serlib.papers.casn import forced_choice
from serlib.papers.casn_cost import PieceCASN, PieceDialogues, measure
from serlib.papers.casn_episodes import Episodic, few_shot
from serlib.papers.casn_readout import metrics
from serlib.papers.casn_released import (
    ReleasedCASN,
    ReleasedClassifier,
    Utterances,
    flatten,
    resample,
)
from serlib.papers.casn_triplets import Triplets

OUTPUT = Path(__file__).parents[2] / "book/results/casn"
SIZE = {"dim": 128, "layers": 1}
EPOCHS, TRIPLET_EPOCHS, TRIPLETS = 5, 2, 7635
#: The comparisons train on every third dialogue, "full" on all; dev and test are always whole.
SHARE = 3
CE, TWO = steps.VARIANTS["two-step"]
CE, TWO = replace(CE, epochs=EPOCHS), replace(TWO, epochs=TRIPLET_EPOCHS)
BASE = "ce"


def of_triplets(**options):
    return CE, replace(TWO, triplets=replace(Triplets(), **options))


#: name → steps; each differs from "ce" or "two-step" in one thing.
GRID = {
    "ce": (CE,),
    "two-step": (CE, TWO),
    "joint": (replace(CE, triplet=1.0),),
    "isolated": (CE,),
    "no-sampler": (replace(CE, sampling="natural"),),
    "no-weights": (replace(CE, balance=0.0),),
    "no-balance": (replace(CE, sampling="natural", balance=0.0),),
    "mild-weights": (replace(CE, sampling="natural", balance=0.45),),
    "mild-isolated": (replace(CE, sampling="natural", balance=0.45),),
    "mild-two-step": (replace(CE, sampling="natural", balance=0.45), TWO),
    "semi-hard": of_triplets(miner="semi-hard"),
    "batch-hard": of_triplets(miner="batch-hard"),
    "normalised": of_triplets(normalise=True),
    "cosine": of_triplets(distance="cosine", margin=0.5),
    "margin-0.2": of_triplets(margin=0.2),
    "non-zero": of_triplets(reducer="non-zero"),
}
KNN = ("ce", "two-step")
FULL = ("ce", "two-step", "mild-weights", "mild-isolated", "mild-two-step")


@cache
def corpus():
    return load_corpus("dailydialog")


@cache
def vectors():
    features = views.load(corpus(), views.Sentence())
    return dict(zip(features.utterances, features.stack(), strict=True))  # noqa: PD013


@cache
def fold():
    return protocols.official_split(corpus().table, corpus().labels)[0]


@cache
def data(window=32, share=SHARE):
    dialogue = corpus().table.loc[list(fold().train), "dialogue"]
    chosen = dialogue[dialogue.isin(dialogue.unique()[::share])].index
    parts = fold().parts | {"train": tuple(chosen)}
    return steps.dialogues(vectors(), corpus().table, parts, corpus().labels, window)


def choice(z, labels, seed):
    """The forced choice as the authors report it: the mean of ten draws."""
    drawn = [forced_choice(z, labels, TRIPLETS, 10 * seed + i) for i in range(10)]
    return {f"forced_{k}": float(v) for k, v in pd.DataFrame(drawn).mean().items()}


def full(name, seed, runs):
    """As `grid`, trained on all dialogues."""
    return grid(name, seed, runs, share=1)


def grid(name, seed, runs, share=SHARE):
    """Train one variant; every read-out's predictions, and the forced choice of its space."""
    own = data(1 if "isolated" in name else 32, share)
    size = {"batch_size": 256} if "isolated" in name else {}
    options = {
        "directory": runs / f"checkpoints/{share}",
        "device": "cpu",
        "progress": False,
    } | size
    started = time.perf_counter()
    module, fits = steps.train(GRID[name], own, seed=seed, **options, **SIZE)
    extra = {"seconds": time.perf_counter() - started, "dev": fits[-1].best_score}
    readouts = score.READOUTS if name in KNN else score.READOUTS[:2]
    read = score.read_out(module, own, readouts, device="cpu")
    z = training.embed(module, own["test"], device="cpu")["z"]
    extra |= choice(z, np.array(own["test"].labels)[own["test"].truth], seed)
    found = {k: v.scores for k, v in read.items()} | {
        f"{k}_plain": v.plain for k, v in read.items()
    }
    return {k: _codes(own["test"], v) for k, v in found.items()}, extra


def _codes(part, scores):
    """Predicted classes in the order of the sorted utterance ids, whatever the windows."""
    return scores.argmax(1)[np.argsort(part.scored)]


def baseline(name, seed, runs):
    own = data(share=1)
    neutral = corpus().labels.index("neutral")
    if name == "majority":
        return {"head": _codes(own["test"], baselines.majority(own))}, {}
    read = score.calibrated(baselines.logistic(vectors(), own), own["dev"].truth, neutral)
    plain, shifted = (_codes(own["test"], x) for x in (read.plain, read.scores))
    return {"head": shifted, "head_plain": plain}, {"dev": read.dev_micro_f1}


def control(name, seed, runs):
    """The forced choice of noise and of the frozen embeddings."""
    table = corpus().table.loc[list(fold().test)]
    z = np.stack([vectors()[u] for u in table.index])
    if name == "noise":
        z = np.random.default_rng(seed).normal(size=z.shape)
    return {}, choice(z, table["emotion"].to_numpy(), seed)


def released(name, seed, runs):
    """Step one on resampled utterances; step two changes no context encoder, so it is as drawn."""
    table, labels = corpus().table, corpus().labels
    training.seed_everything(seed)
    classifier = ReleasedClassifier(labels, 384)
    parts = {}
    for part in ("train", "dev"):
        own = table.loc[list(fold().parts[part])]
        chosen = own.iloc[resample(own["emotion"], seed)] if part == "train" else own
        codes = pd.Index(labels).get_indexer(chosen["emotion"])
        parts[part] = Utterances(np.stack([vectors()[u] for u in chosen.index]), codes)
    fit = training.fit(
        classifier, parts["train"], parts["dev"], directory=runs / f"checkpoints/released-{seed}",
        seed=seed, epochs=10, batch_size=16, device="cpu", progress=False,
    )  # fmt: skip
    x, emotion, kept = flatten(vectors(), table, fold().test, labels, seed)
    z = ReleasedCASN(384, classifier).vectors(x, emotion)
    extra = {"dev_mcc": fit.best_score} | choice(z, table.loc[kept, "emotion"].to_numpy(), seed)
    with torch.inference_mode():
        p = classifier.eval()(torch.from_numpy(z)[:, None])[:, 0].numpy()
    truth = table.loc[kept, "emotion"].to_numpy()
    told = np.array(labels)[p.argmax(1)]
    extra |= {f"head_{k}": float(m(truth, told)) for k, m in metrics(labels).items()}
    return {}, extra | {"utterances": len(kept)}


def episodes(kind, seed, runs):
    own = data()
    training.seed_everything(seed)
    module = Episodic(own["train"].labels, 384, kind=kind, window=32, **SIZE)
    fit = training.fit(
        module, own["train"].sampled("inverse"), own["dev"],
        directory=runs / f"checkpoints/{kind}-{seed}", seed=seed, epochs=EPOCHS, batch_size=32,
        device="cpu", progress=False,
    )  # fmt: skip
    read = score.read_out(module, own, ("prototype",), device="cpu")["prototype"]
    found = {"prototype": _codes(own["test"], read.scores)}
    if kind == "relation":
        logits = {
            p: np.log(training.predict(module, own[p], device="cpu")) for p in ("dev", "test")
        }
        shifted = score.calibrated(logits, own["dev"].truth, corpus().labels.index("neutral"))
        found["relation"] = _codes(own["test"], shifted.scores)
    z = training.embed(module, own["test"], device="cpu")["z"]
    truth = np.array(own["test"].labels)[own["test"].truth]
    return found, {"dev": fit.best_score} | choice(z, truth, seed)


def transfer(name, seed, runs):
    """Few-shot on EmoSynth's words and labels by an encoder that only saw DailyDialog."""
    other = load_corpus("emosynth")
    other = other.select(emotions=other.labels, condition="studio")
    features = views.load(other, views.Sentence(), progress=False)
    halves = protocols.grouped_k_fold(other.table, 3, seed, "dialogue")[0]
    parts = {"train": halves.train + halves.dev, "test": halves.test}
    own = steps.dialogues(features, other.table, parts, other.labels)
    if name == "frozen":
        z = {p: np.stack([features[u] for u in d.scored]) for p, d in own.items()}
    else:
        options = {"directory": runs / f"checkpoints/{SHARE}", "device": "cpu", "progress": False}
        module, _ = steps.train(GRID[name], data(), seed=seed, **options, **SIZE)
        z = score.space(module, own, "cpu")
    extra, classes = {}, len(other.labels)
    for shots in (1, 5, 20):
        uars = []
        for draw in range(20):
            s = few_shot(z["train"], own["train"].truth, z["test"], classes, shots, draw)
            uars.append(protocols.uar(own["test"].truth, s.argmax(1), range(classes)))
        extra[f"uar_{shots}_shots"] = float(np.mean(uars))
    return {}, extra | {"chance": 1 / classes, "test_utterances": len(own["test"].scored)}


def pieces(name, seed, runs, train=600, dev=200, test=300):
    """Sentence against word-piece input on the same few dialogues, trained alike."""
    table = corpus().table
    parts = {}
    for part, count in (("train", train), ("dev", dev), ("test", test)):
        own = table.loc[list(fold().parts[part])]
        # Spread over the file, whose dialogues are ordered by topic.
        chosen = own["dialogue"].unique()
        chosen = chosen[np.linspace(0, len(chosen) - 1, count).astype(int)]
        parts[part] = own.index[own["dialogue"].isin(chosen)].tolist()
    used = table.loc[[*parts["train"], *parts["dev"], *parts["test"]]]
    small = replace(corpus(), table=used)
    if name == "sentence":
        kind, own = steps.CASN, steps.dialogues(vectors(), used, parts, corpus().labels)
    else:
        words = views.load(small, views.WordPieces(dtype="float16"), workers=1)
        own = {p: PieceDialogues(words, used, ids, corpus().labels) for p, ids in parts.items()}
        kind = PieceCASN
    longest = max(own[p].collate([i])["dialogue"].present.shape[1] for p in own for i in
                  range(len(own[p])))  # fmt: skip
    training.seed_everything(seed)
    module = kind(corpus().labels, 384, window=longest, balance=0.45, **SIZE)
    fit = training.fit(
        module, own["train"], own["dev"], directory=runs / f"checkpoints/{name}-{seed}",
        seed=seed, epochs=6, batch_size=32, device="cpu", progress=False,
    )  # fmt: skip
    read = score.read_out(module, own, ("head",), device="cpu")["head"]
    cost = measure(module, own["train"])
    return {"head": _codes(own["test"], read.scores)}, {
        "dev": fit.best_score,
        "test": parts["test"],
    } | cost


RUNS = {
    "control": (control, ("noise", "frozen")),
    "baseline": (baseline, ("majority", "logistic")),
    "grid": (grid, tuple(GRID)),
    "released": (released, ("released",)),
    "episodes": (episodes, ("prototypical", "relation")),
    "transfer": (transfer, ("frozen", "ce", "two-step")),
    "full": (full, FULL),
    "pieces": (pieces, ("sentence", "pieces")),
}


def run(runs, seeds):
    for seed in seeds:
        for experiment, (make, names) in RUNS.items():
            for name in names:
                path = runs / f"{experiment}-{name}-{seed}.json"
                if path.exists():
                    continue
                found, extra = make(name, seed, runs)
                told = {k: v.tolist() for k, v in found.items()}
                path.with_suffix(".part").write_text(json.dumps({"codes": told, "extra": extra}))
                path.with_suffix(".part").rename(path)
                print(path.name, {k: v for k, v in extra.items() if k != "test"}, flush=True)


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


def write(runs, output):
    labels = corpus().labels
    bases = {name: pooled(runs, name, BASE)[0] for name in ("grid", "full")}
    bases |= {"pieces": pooled(runs, "pieces", "sentence")[0], "baseline": bases["full"]}
    for experiment, (_, names) in RUNS.items():
        for name in names:
            frames, extras, seeds = pooled(runs, experiment, name)
            if not seeds:
                continue
            values = {"seeds": seeds} | extras.mean().to_dict()
            if seeds > 1:
                values |= {f"{k}_sd": v for k, v in extras.std().items()}
            for readout, own in frames.items():
                for metric, row in score.intervals(own, labels).iterrows():
                    values |= {f"{readout}_{metric}": row["value"]}
                    values |= {f"{readout}_{metric}_{end}": row[end] for end in ("low", "high")}
                other = bases.get(experiment, bases["grid"])
                if readout.endswith("plain") or "head" not in other:
                    continue
                values |= against(own, other["head"], metrics(labels), f"{readout}_minus_base")
            about = {
                "experiment": experiment,
                "variant": name,
                "triplets": TRIPLETS,
                "epochs": EPOCHS,
            }
            about |= SIZE | {"train_share": 1 if experiment in ("full", "baseline") else 1 / SHARE}
            about |= {"steps": repr(GRID[name])} if experiment in ("grid", "full") else {}
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    run(asked.runs, asked.seeds)
    if asked.write:
        write(asked.runs, OUTPUT)
        write_predictions(asked.runs, OUTPUT / "predictions")
