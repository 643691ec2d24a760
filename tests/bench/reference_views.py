"""Measure the views with one plain classifier; one record a figure goes to book/results/views.

RBF SVM (C = 1, balanced), z-scored on the training speakers, leave-one-speaker-out, UAR over the
pooled predictions of all speakers, with its interval over speakers. Frames (``logmel``) are summed
up by their mean and standard deviation. ``byol-s`` standardises each clip by itself (the default),
``byol-s, corpus`` by the mean and std of the whole corpus, as the published figures did: those two
numbers then come from test speakers too, which is why it is not the default. Ties between the
SVM's pairs of classes go to the class that sorts first, so other names for the classes (EMO-DB's
own letters, say) move a figure by up to 0.005.

``sentence`` is a control: the actors of both corpora say the same sentences in every emotion.

Run: SERLIB_DATA=../shared python tests/bench/reference_views.py (about five minutes on two cores).
"""

from functools import partial
from pathlib import Path

from tqdm import tqdm

from serlib import results
from serlib.corpora import load_corpus
from serlib.protocols import bootstrap, paired, uar
from serlib.protocols.baseline import svm_by_speaker
from serlib.views import ByolS, Egemaps, LogMel, Sentence, load
from serlib.views.pooling import pooled

PROTOCOL = "leave-one-speaker-out, pooled UAR, RBF SVM C=1 balanced, z-scored"
FOUR = ["anger", "happiness", "sadness", "neutral"]
OUTPUT = Path(__file__).parents[2] / "book" / "results" / "views"


def measure(vectors, corpus, labels):
    """Predictions of the classifier on the utterances of ``labels``, and their UAR."""
    predicted = svm_by_speaker(vectors, corpus.table, labels)
    found = bootstrap(predicted, partial(uar, labels=labels))
    values = {"uar": round(found.value, 4), "low": found.low, "high": found.high}
    return predicted, values | {"utterances": len(predicted), "speakers": found.clusters}


def against(predicted, other, labels):
    """UAR minus that of eGeMAPS on the same utterances."""
    found = paired(predicted, other, partial(uar, labels=labels))
    steps = {"": found.difference, " low": found.low, " high": found.high, " p": found.p}
    return {f"minus egemaps{name}": value for name, value in steps.items()}


def main():
    """Measure every corpus, view and set of classes."""
    for name in ("emodb", "ravdess"):
        corpus = load_corpus(name)
        views = {
            "egemaps": Egemaps(),
            "sentence": Sentence(),
            "logmel": LogMel(),
            "byol-s": ByolS(),
            "byol-s, corpus": ByolS().standardised(corpus, tqdm(corpus.table.index)),
        }
        egemaps = {}
        for label, view in views.items():
            vectors = pooled(load(corpus, view, strict=True))
            for labels in (list(corpus.labels), FOUR):
                predicted, values = measure(vectors, corpus, labels)
                if label == "egemaps":
                    egemaps[len(labels)] = predicted
                else:
                    values |= against(predicted, egemaps[len(labels)], labels)
                about = {"corpus": name, "view": label, "labels": labels, "protocol": PROTOCOL}
                about["dims"] = vectors.shape[1]
                if label == "byol-s, corpus":
                    about |= {"mean": view.mean, "std": view.std}
                record = results.Measurement(
                    "views",
                    f"{name}-{len(labels)}-{label.replace(', ', '-')}",
                    values,
                    about | {"fingerprint": view.fingerprint},
                    **results.environment(),
                )
                print(results.write(record, OUTPUT), f"{values['uar']:.3f}", flush=True)


if __name__ == "__main__":
    main()
