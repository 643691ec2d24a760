"""Fine-tune CASN with its sentence encoder on DailyDialog; a record a run, and its scores.

Everything is chosen on the validation part: the recipe, the epoch and the bias of the neutral
class. The test part is predicted once, at the end. A run that is killed goes on from its last
whole epoch.

Run: SERLIB_DATA=../shared OMP_NUM_THREADS=1 python tests/bench/measure_finetuned_casn.py SCRATCH
     [--seeds 0 1 2] [--variants finetuned …] (see VARIANTS; ten minutes of CPU each).
"""

import argparse
import time
from pathlib import Path

import torch

from serlib import results, training
from serlib.corpora import load_corpus
from serlib.papers.casn_choice import forced_choice
from serlib.papers.casn_finetune import FineTunedCASN, WordEncoder
from serlib.papers.casn_score import calibrated, intervals, predictions
from serlib.papers.casn_words import Words, word_pieces
from serlib.protocols import copied_turns, official_split

OUTPUT = Path(__file__).parents[2] / "book" / "results" / "casn"
COMMON = {
    "cycles": [1.0, 0.5],
    "epochs": 1,
    "batch_size": 16,
    "plain": 0.15,
    "window": 32,
    "across": 3,
    "frozen": 2,
    "words_lr": 5e-5,
    "lr": 5e-4,
    "balance": 0.0,
    "triplet": 0.0,
    "layers": 1,
    "model": "all-MiniLM-L6-v2",
}
#: ``finetuned`` is the recipe; each of the others changes one thing. A cycle trains the last one's
#: weights further; its number scales the learning rates.
VARIANTS = {
    "finetuned": {},
    "finetuned-one-cycle": {"cycles": [1.0]},
    "finetuned-turns": {"across": 0},  # The words of other turns are not seen, only their vectors.
    "finetuned-alone": {"across": 0, "window": 1},  # Nothing of other turns is seen.
    "finetuned-joint": {"triplet": 1.0},
}


def data(corpus, fold, how):
    """The parts of the official split as word pieces."""
    pieces = word_pieces(corpus.table["text"].to_dict(), how["model"])
    parts = {"train": fold.train, "dev": fold.dev, "test": fold.test}
    made = {}
    for name, own in parts.items():
        plain = how["plain"] if name == "train" else 1.0
        made[name] = Words(pieces, corpus.table, own, corpus.labels, how["window"], plain)
    return made


def built(labels, how):
    """The network of a variant, with new weights."""
    words = WordEncoder(how["model"], how["across"], how["frozen"], how["window"])
    options = ("words_lr", "lr", "balance", "triplet", "layers", "window")
    return FineTunedCASN(labels, words, **{name: how[name] for name in options})


def outputs(module, own):
    """z of a part, (N, D), and the logits of its classifier, (N, C)."""
    z = training.embed(module, own, device="cpu")["z"]
    with torch.inference_mode():
        return z, module.classifier(torch.from_numpy(z)).numpy()


def run(corpus, parts, how, seed, scratch):
    """Train, and return the calibrated read-out, z of the test part, and what to keep."""
    started, cpu = time.perf_counter(), time.process_time()
    training.seed_everything(seed)
    module, history = built(corpus.labels, how), []
    for number, rate in enumerate(how["cycles"]):
        module.words_lr, module.lr = how["words_lr"] * rate, how["lr"] * rate
        fit = training.fit(
            module,
            parts["train"],
            parts["dev"],
            directory=scratch / str(number),
            seed=seed + 1000 * number,
            epochs=how["epochs"],
            patience=how["epochs"],
            batch_size=how["batch_size"],
            device="cpu",
            progress=False,
        )
        history += [{"cycle": number} | row for row in fit.history.to_dict("records")]
    (_, dev), (z, test) = (outputs(module, parts[name]) for name in ("dev", "test"))
    neutral = corpus.labels.index("neutral")
    read = calibrated({"dev": dev, "test": test}, parts["dev"].truth, neutral)
    kept = {
        "bias": read.bias,
        "dev_micro_f1": read.dev_micro_f1,
        "history": history,
        "cpu_seconds_of_this_process": time.process_time() - cpu,
    }
    return read, z, kept, time.perf_counter() - started


def without_copies(table, fold):
    """The test dialogues that training does not hold word for word."""
    copied = table.loc[copied_turns(table, "test", "train").index, "dialogue"]
    return set(table.loc[list(fold.test), "dialogue"]) - set(copied)


def scored(frame, labels, fresh):
    """Metrics with intervals over dialogues: of all, and of dialogues without a copy in train."""
    found = {}
    for suffix, part in (("", frame), ("_fresh", frame[frame["dialogue"].isin(fresh)])):
        rows = intervals(part, labels).to_dict("index")
        found |= {name + suffix: row for name, row in rows.items()}
    return found


def record(corpus, fold, variant, seed, scratch, output):
    """Make the record of one run, unless it is there, and print its scores on dev."""
    how = COMMON | VARIANTS[variant]
    identity = dict(paper="casn", variant=variant, corpus="dailydialog", seed=seed)
    identity |= {"protocol": "official split", "parameters": how}
    if results.find(output, fold=fold.name, **identity):
        return
    parts, table = data(corpus, fold, how), corpus.table
    read, z, kept, seconds = run(corpus, parts, how, seed, scratch / f"{variant}-{seed}")
    test = parts["test"]
    fresh = without_copies(table, fold)
    kept["forced_choice"] = forced_choice(z, test.truth, 7635, seed)
    made = results.of_fold(
        table=table,
        fold=fold,
        utterances=test.scored,
        scores=read.scores,
        labels=list(corpus.labels),
        seconds=seconds,
        profile=None,
        extra=kept,
        **identity,
    )
    frames = (predictions(scores, test, table, seed) for scores in (read.scores, read.plain))
    made.metrics, plain = (scored(frame, corpus.labels, fresh) for frame in frames)
    made.extra["uncalibrated"] = plain
    # Without scores a record has a third of the size.
    made.utterances = [row | {"scores": None, "speaker": None} for row in made.utterances]
    results.write(made, output)
    print(variant, seed, f"dev micro F1 {kept['dev_micro_f1']:.4f}", flush=True)


def main():
    """Run every variant and seed asked for."""
    options = argparse.ArgumentParser()
    options.add_argument("scratch", type=Path)
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--variants", nargs="+", default=["finetuned"], choices=VARIANTS)
    options.add_argument("--output", type=Path, default=OUTPUT)
    given = options.parse_args()
    torch.set_num_threads(1)
    corpus = load_corpus("dailydialog")
    (fold,) = official_split(corpus.table, corpus.labels)
    for variant in given.variants:
        for seed in given.seeds:
            record(corpus, fold, variant, seed, given.scratch, given.output)


if __name__ == "__main__":
    main()
