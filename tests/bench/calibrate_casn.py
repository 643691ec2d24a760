"""Two steps after fine-tuning CASN on DailyDialog: at which share of emotions, and three seeds.

*At which share.* The neutral bias is fitted on the validation part, which has fewer emotional turns
than the training part. If the parts differ in that share only (label shift), the bias is too
careful wherever the share is higher. The training part is ten times larger, so its share is the
better estimate; validation turns are weighed to have it (equation 6.12).

*Three seeds.* The mean of their probabilities (equation 6.13) answers instead of each.

Both use train and dev only. ``--part dev`` comes first: it fits the bias on nine tenths of the
validation dialogues, judges it on the last, in turn, and writes which rule is best at the training
part's share. What it cannot tell: whether the test part has that share. ``--part test`` then
scores every rule once, with the bias fitted on all of dev.

Run: SERLIB_DATA=../shared OMP_NUM_THREADS=1 python tests/bench/calibrate_casn.py CHECKPOINTS
     SCRATCH --part dev (CHECKPOINTS: the scratch folder of measure_finetuned_casn)
"""

import argparse
from functools import cache, partial
from pathlib import Path

import measure_finetuned_casn as tuned
import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GroupKFold

from serlib import protocols, results
from serlib.corpora import load_corpus
from serlib.papers import casn_score as score
from serlib.papers.casn_calibration import best_bias, biased, ensemble, share_weights
from serlib.papers.casn_choice import forced_choice
from serlib.protocols.counts import counts, f1_on

SEEDS, FOLDS, TRIPLETS = (0, 1, 2), 10, 7635
HOW = tuned.COMMON | tuned.VARIANTS["finetuned"]
MEMBERS, FITS = ("single", "ensemble"), ("plain", "bias", "weighted")
BASE = "single_bias"  # the rule that was there before


@cache
def corpus():
    return load_corpus("dailydialog")


@cache
def fold():
    return protocols.official_split(corpus().table, corpus().labels)[0]


@cache
def parts():
    return tuned.data(corpus(), fold(), HOW)


@cache
def share():
    """The share of emotional turns in the training part, and the neutral class's number."""
    neutral = corpus().labels.index("neutral")
    return float((parts()["train"].truth != neutral).mean()), neutral


def seen(checkpoints, scratch, part):
    """z and logits of a part by each seed's finished network, computed once."""
    found = []
    for seed in SEEDS:
        kept = scratch / f"{part}-{seed}.npz"
        if not kept.exists():
            module = tuned.built(corpus().labels, HOW)
            last = checkpoints / f"finetuned-{seed}/{len(HOW['cycles']) - 1}/best.ckpt"
            module.load_state_dict(torch.load(last, weights_only=True)["state_dict"])
            z, logits = tuned.outputs(module, parts()[part])
            np.savez(kept, z=z, logits=logits)
        own = np.load(kept)
        found.append((own["z"], own["logits"]))
    return found


def asked(logits):
    """Who answers: every seed by itself, or their ensemble; pairs of a seed and logits."""
    own = [(logits, seed) for seed, logits in zip(SEEDS, logits, strict=True)]
    return {"single": own, "ensemble": [(ensemble(logits), SEEDS[0])]}


def fitted(how, truth, logits):
    """The bias that a way of fitting finds."""
    if how == "plain":
        return 0.0
    weights = share_weights(truth, *share()) if how == "weighted" else None
    return best_bias(truth, logits, share()[1], weights)[0]


def crossed(how, logits, truth, dialogue):
    """Validation scores by biases fitted on the other dialogues, (n, C)."""
    made = np.empty(logits.shape)
    for fit, held in GroupKFold(FOLDS, shuffle=True, random_state=0).split(logits, groups=dialogue):
        made[held] = biased(logits[held], share()[1], fitted(how, truth[fit], logits[fit]))
    return made


class AtShare:
    """Micro F1 without neutral, in which a turn counts as its true class does in ``weights``."""

    def __init__(self, labels, weights):
        self.labels, self.weights = labels, np.asarray(weights)[:, None]

    def __call__(self, truth, prediction):
        """The score of all rows."""
        whole = self.of_clusters(truth, prediction, np.zeros(len(truth), int), 1)
        return float(whole(np.ones((1, 1)))[0])

    def of_clusters(self, truth, prediction, cluster, clusters):
        """The form that `protocols.bootstrap` takes: a function of how often clusters count."""
        tables = counts(truth, prediction, self.labels, cluster, clusters) * self.weights
        return lambda often: f1_on(
            np.tensordot(often.astype(float), tables, 1), self.labels, "micro", "neutral"
        )


def emotional_share(part):
    """The share of turns with an emotion, as an interval over dialogues."""
    own, both = parts()[part], ("neutral", "emotional")
    frame = score.predictions(np.eye(len(corpus().labels))[own.truth], own, corpus().table)
    frame["truth"] = np.where(frame["truth"] == "neutral", *both)
    frame["prediction"] = "emotional"
    return protocols.bootstrap(frame, partial(protocols.wa, labels=both), "dialogue")


def told(prefix, found):
    """An interval as three values."""
    value = found.difference if hasattr(found, "difference") else found.value
    return {prefix: value, f"{prefix}_low": found.low, f"{prefix}_high": found.high}


def compared(frames, scores):
    """Each rule's scores with intervals, and its paired difference from `BASE`, with p."""
    values, seeds = {}, len(SEEDS)
    base = frames[BASE]
    for rule, frame in frames.items():
        for name, metric in scores.items():
            key = f"{rule}_{name}"
            values |= told(key, protocols.bootstrap(frame, metric, "dialogue"))
            if rule == BASE:
                continue
            if frame["seed"].nunique() < seeds:  # One answer stands against each of the seeds.
                frame = pd.concat([frame.assign(seed=seed) for seed in SEEDS])
            found = protocols.paired(frame, base, metric, "dialogue")
            values |= told(f"{rule}_minus_base_{name}", found)
            values[f"{rule}_minus_base_{name}_p"] = found.p
    return values


def on_dev(outputs):
    """What the validation part can tell: scores as it is, and at the training part's share."""
    own, labels = parts()["dev"], corpus().labels
    dialogue = corpus().table.loc[own.scored, "dialogue"].to_numpy()
    weights = share_weights(own.truth, *share())
    count = [weights[own.truth == i][0] for i in range(len(labels))]
    scores = {
        "micro_f1": score.metrics(labels)["micro_f1"],
        "micro_f1_at_share": AtShare(labels, count),
    }
    frames = {}
    for member, answers in asked([logits for _, logits in outputs]).items():
        for how in FITS:
            made = [
                score.predictions(
                    crossed(how, logits, own.truth, dialogue), own, corpus().table, seed
                )
                for logits, seed in answers
            ]
            frames[f"{member}_{how}"] = pd.concat(made)
    values = compared(frames, scores)
    best = max(frames, key=lambda rule: values[f"{rule}_micro_f1_at_share"])
    for part in ("train", "dev"):
        values |= told(f"{part}_emotional", emotional_share(part))
    return values, {"chosen": best}


def on_test(dev, test):
    """Every rule, its bias fitted on all of dev, on the test part."""
    own, labels, table = parts()["test"], corpus().labels, corpus().table
    fresh, values, frames = tuned.without_copies(table, fold()), {}, {}
    truth, neutral = parts()["dev"].truth, share()[1]
    known, new = (asked([logits for _, logits in outputs]) for outputs in (dev, test))
    for member in MEMBERS:
        for how in FITS:
            biases = [fitted(how, truth, logits) for logits, _ in known[member]]
            made = [
                score.predictions(biased(logits, neutral, bias), own, table, seed)
                for (logits, seed), bias in zip(new[member], biases, strict=True)
            ]
            rule = f"{member}_{how}"
            frames[rule] = pd.concat(made)
            values[f"{rule}_bias"] = np.mean(biases)
            for name, row in tuned.scored(frames[rule], labels, fresh).items():
                values |= told(f"{rule}_{name}", pd.Series(row))
    chosen = ("micro_f1", "macro_f1")
    scores = {name: score.metrics(labels)[name] for name in chosen}
    values |= {k: v for k, v in compared(frames, scores).items() if "_minus_base_" in k}
    return values | choices([z for z, _ in test], own.truth), {}


def choices(spaces, truth):
    """The forced choice, in each seed's space, and in all three side by side."""
    side_by_side = [np.concatenate(spaces, 1)]
    values = {}
    for member, own in zip(MEMBERS, (spaces, side_by_side), strict=True):
        drawn = [forced_choice(z, truth, TRIPLETS, seed) for z in own for seed in range(10)]
        values |= {f"{member}_forced_{k}": v for k, v in pd.DataFrame(drawn).mean().items()}
    return values


def main():
    """Judge on one part, and write what came of it."""
    options = argparse.ArgumentParser()
    options.add_argument("checkpoints", type=Path)
    options.add_argument("scratch", type=Path)
    options.add_argument("--part", choices=("dev", "test"), required=True)
    options.add_argument("--output", type=Path, default=tuned.OUTPUT)
    given = options.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    dev = seen(given.checkpoints, given.scratch, "dev")
    if given.part == "dev":
        values, extra = on_dev(dev)
    else:
        values, extra = on_test(dev, seen(given.checkpoints, given.scratch, "test"))
    about = {"part": given.part, "seeds": list(SEEDS), "share": share()[0], "recipe": HOW}
    about |= {
        "note": "Both steps, the share and the ensemble, were thought of after the test scores of "
        "the single networks had been seen. No test label enters them."
    }
    made = results.Measurement(
        "casn", f"calibration-{given.part}", values, about | extra, **results.environment()
    )
    results.write(made, given.output)


if __name__ == "__main__":
    main()
