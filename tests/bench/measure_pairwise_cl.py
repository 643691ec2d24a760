"""Run Pairwise-CL on real speech: pre-trainings, then every training by view, share and draw.

Run: SERLIB_DATA=../shared python tests/bench/measure_pairwise_cl.py SCRATCH CORPUS STEP …
Steps: headline-<view>, with -<percent> for one share and -<draws> for fewer draws of it; and the
pre-trainings of `VARIANTS`.
Killed, it goes on where it was. Then tables_pairwise_cl.py makes the measurements of the records
in SCRATCH.
"""

import sys
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from serlib import protocols, results, training, views
from serlib.corpora import load_corpus
from serlib.papers.pairwise_cl_data import Labelled, pretraining_part
from serlib.papers.pairwise_cl_encoders import make_encoder
from serlib.papers.pairwise_cl_train import embed, fine_tune, pretrain, read_linearly, supervised
from serlib.papers.pairwise_cl_views import prepared
from serlib.views.pooling import pooled

LABELS = ("anger", "happiness", "neutral", "sadness")
VIEWS = {
    "ssl": views.ByolS(frames=True),
    "mel": views.LogMel(hop=320),
    "functionals": views.Egemaps(),
}
FRAMES = {"ssl": None, "mel": 150, "functionals": None}  # 3 s of the spectrogram
SHARES = {
    "ssl": (2, 5, 10, 25, 100),
    "functionals": (2, 5, 10, 25, 100),
    "mel": (2, 10, 100),
}
FEW = (2, 10, 100)
DRAWS = (0, 1, 2)
PRE = {"epochs": 40, "patience": 8, "batch_size": 64, "precision": "bf16-mixed"}
FINE = {"epochs": 25, "patience": 7, "batch_size": 32, "precision": "32-true"}
QUIET = {"device": "cpu", "progress": False}
#: Pre-trainings beside the headline's (all views, τ = 0.5, the task's emotions, all utterances).
VARIANTS = (
    {f"size-{n}": {"size": n} for n in (25, 50, 100, 150, 300)}
    | {f"tau-{tau}": {"temperature": tau} for tau in (0.05, 0.1, 0.2, 1.0)}
    | {f"views-{a}+{b}": {"views": (a, b)} for a, b in [("ssl", "functionals"), ("ssl", "mel")]}
    | {"views-mel+functionals": {"views": ("mel", "functionals")}}
    | {f"emotions-{which}": {"emotions": which} for which in ("all", "other")}
    | {f"from-{name}": {"source": name} for name in ("emodb", "ravdess", "emosynth")}
    | {"transductive": {"transductive": True}}
)


class Task:
    """A corpus with its four classes, five folds of whole speakers, and prepared views."""

    def __init__(self, name: str):
        corpus = load_corpus(name)
        if name == "emosynth":
            corpus = corpus.select(condition="studio")
        self.name, self.table = name, corpus.table
        raw = {v: views.load(corpus, view, progress=False) for v, view in VIEWS.items()}
        self.raw = {v: {u: np.array(of[u]) for u in of} for v, of in raw.items()}
        self.four = corpus.select(emotions=list(LABELS)).table
        self.folds = protocols.grouped_k_fold(self.four, 5, 0, labels=LABELS)
        audits = [
            protocols.audit(f, self.four, protocols.audio_content(corpus)) for f in self.folds
        ]
        protocols.assert_clean(pd.concat(audits))

    @cache  # noqa: B019 (one task lives as long as the program)
    def features(self, number: int) -> dict[str, dict[str, np.ndarray]]:
        """Each view, z-scored by the training part of a fold."""
        scaled = {v: prepared(x, self.folds[number].train, FRAMES[v]) for v, x in self.raw.items()}
        return {v: {u: x[u] for u in self.table.index} for v, x in scaled.items()}


task = cache(Task)


def encoders(scratch: Path, name: str, number: int, variant: str) -> dict:
    """Pre-train (or find) the encoders of a fold and variant, view → encoder."""
    how = dict(VARIANTS.get(variant, {}))
    source = task(how.pop("source", name))
    fold, features = source.folds[number], source.features(number)
    features = {v: features[v] for v in how.pop("views", VIEWS)}
    temperature = how.pop("temperature", 0.5)
    train, dev = pretraining_part(source.table, fold, LABELS, **({"emotions": "target"} | how))
    directory = scratch / "pre" / source.name / fold.name / variant.replace("from-", "whole-")
    if source.name != name:  # what another corpus gives is its own headline
        directory = directory.with_name("headline")
    settings = PRE | QUIET | {"directory": directory, "seed": 0, "temperature": temperature}
    module, fit = pretrain(features, train, dev, **settings)
    print(name, fold.name, variant, len(train), "epochs", len(fit.history), fit.best_score)
    return dict(module.encoders)


class Runs:
    """Trainings of one fold, written as records that the tables read."""

    def __init__(self, scratch: Path, name: str, number: int, variant: str):
        self.scratch, self.variant, self.task = scratch, variant, task(name)
        self.number, self.fold = number, self.task.folds[number]
        self.made = encoders(scratch, name, number, variant)
        self.features = self.task.features(number)

    def all(self, view: str, trainings: tuple[str, ...], shares: tuple[int, ...], draws=DRAWS):
        """Every training at every share of the labels and draw."""
        features, four = self.features[view], self.task.four
        vectors = {"raw": pooled({u: features[u] for u in four.index})}
        vectors["linear"] = embed(self.made[view], features, four.index)
        self._keep(f"{self.variant}-pretrained-{view}", vectors["linear"])
        for share in shares:
            for draw in draws:
                train = protocols.label_fraction(four, self.fold.train, share / 100, draw)
                for kind in trainings:
                    name = f"{kind}-{view}-{share}"
                    given = vectors.get(kind)
                    self._once(name, draw, partial(self._scores, name, view, train, draw, given))

    def _once(self, name: str, draw: int, compute) -> None:
        results.once(
            self.scratch / "records" / self.task.name / self.variant,
            compute,
            paper="pairwise_cl",
            variant=name,
            corpus=self.task.name,
            protocol="five parts of speakers",
            table=self.task.four,
            fold=self.fold,
            seed=draw,
            utterances=self.fold.test,
            labels=LABELS,
            parameters={"pre-training": self.variant},
        )

    def _scores(self, name, view, train, draw, vectors) -> tuple[np.ndarray, dict]:
        four, fold = self.task.four, self.fold
        if vectors is not None:
            parts = (fold.train, train, fold.dev, fold.test)
            return read_linearly(vectors, four, *parts, LABELS), {"labelled": len(train)}
        features = self.features[view]
        parts = (features, four, train, fold.dev, LABELS)
        settings = FINE | QUIET | {"seed": draw}
        if view == "mel":
            settings["precision"] = "bf16-mixed"
        with TemporaryDirectory() as directory:
            settings["directory"] = directory
            if name.startswith("full"):
                module, fit = fine_tune(self.made[view], *parts, **settings)
            else:
                module, fit = supervised(view, *parts, **settings)
        self._keep(f"{self.variant}-{name}-{draw}", embed(module.encoder, features, fold.test))
        items = Labelled(features, four, fold.test, LABELS)
        extra = {"labelled": len(train), "epochs": len(fit.history), "best": fit.best_epoch}
        return training.predict(module, items, device="cpu"), extra

    def _keep(self, name: str, vectors: pd.DataFrame) -> None:
        """Keep the test part's outputs for PWCCA."""
        path = self.scratch / "outputs" / self.task.name / f"{self.number}-{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, vectors.loc[list(self.fold.test)].to_numpy(np.float32))

    def keep_untrained(self) -> None:
        """The outputs of encoders that nothing has trained."""
        for view, features in self.features.items():
            training.seed_everything(0)
            encoder = make_encoder(view, features[self.fold.test[0]])
            self._keep(f"headline-untrained-{view}", embed(encoder, features, self.fold.test))


def main(scratch: str, name: str, *steps: str) -> None:
    """Run the steps, all folds of one before the next."""
    torch.set_num_threads(1)
    for step in steps:
        _, view, share, draws = [*step.split("-"), "", "", ""][:4]
        for number in range(5):
            if not step.startswith("headline"):
                runs = Runs(Path(scratch), name, number, step)
                for view_of in runs.made:
                    runs.all(view_of, ("linear",), FEW)
                continue
            runs = Runs(Path(scratch), name, number, "headline")
            runs.keep_untrained()
            shares = (int(share),) if share else SHARES[view]
            kinds = ("raw", "linear", "supervised", "full")
            runs.all(view, kinds, shares, DRAWS[: int(draws or 3)])


if __name__ == "__main__":
    main(*sys.argv[1:])
