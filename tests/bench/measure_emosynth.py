"""Measure EmoSynth and write the numbers its datasheet quotes.

``python tests/bench/measure_emosynth.py`` needs about five minutes on two cores.
"""

import hashlib
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from serlib import results
from serlib.corpora import emosynth

OUTPUT = Path(__file__).parents[2] / "book/results/emosynth"
FOUR = ("anger", "happiness", "sadness", "neutral")
MERGE = {"excitement": "happiness"}


def functionals(corpus) -> np.ndarray:
    """Return eGeMAPSv02 functionals (utterances, 88)."""
    import opensmile

    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=2
    )
    return smile.process_files([corpus.path(u) for u in corpus.table.index]).to_numpy()


def uar(model, x, y, groups) -> float:
    """Return the UAR of predictions pooled over leave-one-group-out folds."""
    folds = LeaveOneGroupOut()
    return balanced_accuracy_score(y, cross_val_predict(model, x, y, groups=groups, cv=folds))


def acoustic(table, features) -> dict[str, float]:
    """Emotion from eGeMAPS, leave-one-speaker-out, and the speaker from the same features."""
    svm = make_pipeline(StandardScaler(), SVC(C=1, class_weight="balanced"))
    six = table["emotion"].notna().to_numpy()
    four = table["emotion"].isin(FOUR).to_numpy()
    merged = table["emotion"].replace(MERGE)
    joint = merged.isin(FOUR).to_numpy()
    speaker = table["speaker"]
    told = cross_val_predict(svm, features, speaker, cv=StratifiedKFold(5))
    return {
        "uar_6": uar(svm, features[six], table["emotion"][six], speaker[six]),
        "uar_4": uar(svm, features[four], table["emotion"][four], speaker[four]),
        "uar_4_merged": uar(svm, features[joint], merged[joint], speaker[joint]),
        "uar_6_truth": uar(svm, features, table["true_emotion"], speaker),
        "speaker_accuracy": accuracy_score(speaker, told),
    }


def lexical(table) -> dict[str, float]:
    """Emotion from the words alone, leave-one-session-out, all turns and by scenario."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(class_weight="balanced")
    )
    named = table[table["emotion"].notna()]
    parts = {"text_uar": named}
    parts |= {f"text_uar_{kind}": rows for kind, rows in named.groupby("scenario")}
    return {k: uar(model, t["text"], t["emotion"], t["session"]) for k, t in parts.items()}


def describe(table) -> dict[str, float]:
    """Return shares and ranges of the labels."""
    spread = table[["activation", "valence", "dominance"]]
    return {
        "turns": len(table),
        "no_majority_share": table["emotion"].isna().mean(),
        "majority_is_true_share": (table["emotion"] == table["true_emotion"])[
            table["emotion"].notna()
        ].mean(),
        **{f"{name}_mean": spread[name].mean() for name in spread},
    }


def measure(size: str, seed: int, root: Path) -> dict[str, float]:
    """Make one corpus from nothing and measure its studio part, and the step into the room."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    corpus = emosynth.load(root, seed=seed, size=size)
    seconds = time.perf_counter() - start
    work = resource.getrusage(resource.RUSAGE_CHILDREN)
    features = functionals(corpus)
    studio = (corpus.table["condition"] == "studio").to_numpy()
    minutes = sum(corpus.path(u).stat().st_size - 44 for u in corpus.table.index) / 32000 / 60
    return {
        "seconds_to_make": seconds,
        "processor_seconds": work.ru_utime + work.ru_stime - before.ru_utime - before.ru_stime,
        "minutes": minutes,
        **describe(corpus.table),
        "studio_turns": int(studio.sum()),
        **acoustic(corpus.table[studio], features[studio]),
        **lexical(corpus.table[studio]),
        "uar_6_studio_to_room": across(corpus.table, features, studio),
    }


def across(table, features, studio) -> float:
    """Train on four sessions in the studio, test on the fifth in the room; each in turn."""
    svm = make_pipeline(StandardScaler(), SVC(C=1, class_weight="balanced"))
    named = table["emotion"].notna().to_numpy()
    truth, told = [], []
    for session in sorted(table["session"].unique()):
        here = (table["session"] == session).to_numpy()
        train, test = named & studio & ~here, named & ~studio & here
        told.extend(svm.fit(features[train], table["emotion"][train]).predict(features[test]))
        truth.extend(table["emotion"][test])
    return balanced_accuracy_score(truth, told)


def labels() -> str:
    """Return a digest of what is said and labelled in a small corpus: tells a stale record."""
    rows = (f"{r['utterance']} {r['text']} {r['emotion']}" for r in emosynth.plan(0, "small"))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def main() -> None:
    """Measure three small corpora and a full one."""
    for size, seed in (("small", 0), ("small", 1), ("small", 2), ("full", 0)):
        with tempfile.TemporaryDirectory() as root:
            figures = measure(size, seed, Path(root))
        values = {k: round(float(v), 3) for k, v in figures.items()}
        made = {"size": size, "seed": seed, "labels": labels()}
        record = results.Measurement(
            "emosynth", f"reference-{size}-{seed}", values, made, **results.environment()
        )
        print(results.write(record, OUTPUT), values)


if __name__ == "__main__":
    main()
