"""Measure the views with one plain classifier; one record a figure goes to book/results/views.

RBF SVM (C = 1, balanced), z-scored on the training speakers, leave-one-speaker-out, UAR over the
pooled predictions of all speakers. ``byol-s`` standardises each clip by itself (the default),
``byol-s, corpus`` by the mean and std of the whole corpus, as the published figures did: those two
numbers then come from test speakers too, which is why it is not the default. Ties between the
SVM's pairs of classes go to the class that sorts first, so other names for the classes (EMO-DB's
own letters, say) move a figure by up to 0.005.

Run: SERLIB_DATA=../shared python tests/bench/reference_views.py (about five minutes on two cores).
"""

from pathlib import Path

import numpy as np
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from serlib import results
from serlib.corpora import load_corpus
from serlib.views import ByolS, Egemaps, load

PROTOCOL = "leave-one-speaker-out, pooled UAR, RBF SVM C=1 balanced, z-scored"
FOUR = ["anger", "happiness", "sadness", "neutral"]
OUTPUT = Path(__file__).parents[2] / "book" / "results" / "views"


def uar(features, table, labels):
    """UAR of the classifier above on the utterances whose emotion is one of ``labels``."""
    table = table.loc[features.utterances]
    table = table[table["emotion"].isin(labels)]
    inputs = np.stack([features[utterance] for utterance in table.index])
    truth = table["emotion"].to_numpy(dtype=object)
    predicted = cross_val_predict(
        make_pipeline(StandardScaler(), SVC(C=1.0, class_weight="balanced")),
        inputs,
        truth,
        groups=table["speaker"].to_numpy(dtype=object),
        cv=LeaveOneGroupOut(),
    )
    return recall_score(truth, predicted, labels=labels, average="macro"), len(table)


def main():
    """Measure every corpus, view and set of classes."""
    for name in ("emodb", "ravdess"):
        corpus = load_corpus(name)
        views = {
            "egemaps": Egemaps(),
            "byol-s": ByolS(),
            "byol-s, corpus": ByolS().standardised(corpus, tqdm(corpus.table.index)),
        }
        for label, view in views.items():
            features = load(corpus, view, strict=True)
            for labels in (list(corpus.labels), FOUR):
                value, count = uar(features, corpus.table, labels)
                about = {"corpus": name, "view": label, "labels": labels, "protocol": PROTOCOL}
                if label == "byol-s, corpus":
                    about |= {"mean": view.mean, "std": view.std}
                record = results.Measurement(
                    "views",
                    f"{name}-{len(labels)}-{label.replace(', ', '-')}",
                    {"uar": round(value, 4), "utterances": count},
                    about | {"fingerprint": view.fingerprint},
                    **results.environment(),
                )
                print(results.write(record, OUTPUT), f"{value:.3f}", flush=True)


if __name__ == "__main__":
    main()
