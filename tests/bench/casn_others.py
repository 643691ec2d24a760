"""Chapter 6's other experiments: the released wiring, episodes, other labels, word pieces.

See `casn_networks` for what an experiment is given and returns.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from casn_networks import EPOCHS, GRID, SHARE, SIZE, choice, codes_of, corpus, data, fold, vectors

from serlib import protocols, training, views
from serlib.corpora import load_corpus
from serlib.papers import casn_score as score
from serlib.papers import casn_train as steps
from serlib.papers.casn_cost import PieceCASN, PieceDialogues, measure
from serlib.papers.casn_episodes import Episodic, few_shot
from serlib.papers.casn_readout import metrics
from serlib.papers.casn_released import ReleasedCASN, ReleasedClassifier
from serlib.papers.casn_released_data import Utterances, flatten, resample

RELEASED_EPOCHS, PIECES_EPOCHS = 10, 6
#: Dialogues of each part on which sentences are compared with word pieces.
FEW = {"train": 600, "dev": 200, "test": 300}


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
        seed=seed, epochs=RELEASED_EPOCHS, batch_size=16, device="cpu", progress=False,
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
    found = {"prototype": codes_of(own["test"], read.scores)}
    if kind == "relation":
        logits = {
            p: np.log(training.predict(module, own[p], device="cpu")) for p in ("dev", "test")
        }
        shifted = score.calibrated(logits, own["dev"].truth, corpus().labels.index("neutral"))
        found["relation"] = codes_of(own["test"], shifted.scores)
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


def pieces(name, seed, runs):
    """Sentence against word-piece input on the same few dialogues, trained alike."""
    table = corpus().table
    parts = {}
    for part, count in FEW.items():
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
        seed=seed, epochs=PIECES_EPOCHS, batch_size=32, device="cpu", progress=False,
    )  # fmt: skip
    read = score.read_out(module, own, ("head",), device="cpu")["head"]
    cost = measure(module, own["train"])
    return {"head": codes_of(own["test"], read.scores)}, {
        "dev": fit.best_score,
        "test": parts["test"],
    } | cost
