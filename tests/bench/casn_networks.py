"""Chapter 6's networks on stored sentence vectors: DailyDialog, the variants, and their training.

Every experiment is a function of a name, a seed and the folder of the runs. It returns the
predicted classes of each read-out, in the order of the sorted test utterances, and other numbers.
"""

import resource
import tempfile
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import torch

from serlib import protocols, training, views
from serlib.corpora import load_corpus
from serlib.papers import casn_baselines as baselines
from serlib.papers import casn_score as score
from serlib.papers import casn_train as steps
from serlib.papers.casn import forced_choice
from serlib.papers.casn_triplets import Triplets

SIZE = {"dim": 128, "layers": 1}
EPOCHS, TRIPLET_EPOCHS, TRIPLETS = 5, 2, 7635
#: The comparisons train on every third dialogue, "full" on all; dev and test are always whole.
SHARE = 3
CE, TWO = steps.VARIANTS["two-step"]
CE, TWO = replace(CE, epochs=EPOCHS), replace(TWO, epochs=TRIPLET_EPOCHS)


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
    return {k: codes_of(own["test"], v) for k, v in found.items()}, extra


def performance(name, seed, runs):
    """What training all of DailyDialog costs on stored vectors, both steps, from nothing."""
    data(share=1)  # Loading is not training.
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as place:
        steps.train(
            GRID[name],
            data(share=1),
            directory=place,
            seed=seed,
            device="cpu",
            progress=False,
            **SIZE,
        )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    own = data(share=1)["train"]
    return {}, {
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "padding_waste": own.waste(own.batches(32, torch.Generator().manual_seed(seed))),
    }


def full(name, seed, runs):
    """As `grid`, trained on all dialogues."""
    return grid(name, seed, runs, share=1)


def codes_of(part, scores):
    """Predicted classes in the order of the sorted utterance ids, whatever the windows."""
    return scores.argmax(1)[np.argsort(part.scored)]


def baseline(name, seed, runs):
    own = data(share=1)
    neutral = corpus().labels.index("neutral")
    if name == "majority":
        return {"head": codes_of(own["test"], baselines.majority(own))}, {}
    read = score.calibrated(baselines.logistic(vectors(), own), own["dev"].truth, neutral)
    plain, shifted = (codes_of(own["test"], x) for x in (read.plain, read.scores))
    return {"head": shifted, "head_plain": plain}, {"dev": read.dev_micro_f1}


def control(name, seed, runs):
    """The forced choice of noise and of the frozen embeddings."""
    table = corpus().table.loc[list(fold().test)]
    z = np.stack([vectors()[u] for u in table.index])
    if name == "noise":
        z = np.random.default_rng(seed).normal(size=z.shape)
    return {}, choice(z, table["emotion"].to_numpy(), seed)
