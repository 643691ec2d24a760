"""Measure what chapter 1 says of real speech; records go to book/results/<corpus>.

Run: SERLIB_DATA=../shared python tests/bench/measure_speech.py (about four minutes on two cores).
"""

from functools import partial
from pathlib import Path

import pandas as pd

from serlib import results
from serlib.corpora import emodb, load_corpus
from serlib.corpora.survey import levels, survey
from serlib.keyed import flat
from serlib.protocols import bootstrap, uar
from serlib.protocols.agreement import alpha_votes, vote_counts
from serlib.protocols.baseline import svm_by_speaker
from serlib.protocols.effects import within_speaker
from serlib.views.prosody import prosody

OUTPUT = Path(__file__).parents[2] / "book" / "results"


def write(corpus: str, what: str, values: dict, **about) -> None:
    """Write one measurement."""
    record = results.Measurement(
        corpus, what, values, {"corpus": corpus} | about, **results.environment()
    )
    print(results.write(record, OUTPUT / corpus), flush=True)


def mean_over_speakers(frame: pd.DataFrame, column: str) -> dict:
    """Mean over utterances of a column, with its interval over speakers."""
    given = pd.DataFrame(
        {"prediction": frame[column], "truth": 0.0, "speaker": frame["speaker"]}
    ).dropna()
    found = bootstrap(given, lambda _, prediction: float(prediction.mean()))
    return {"value": found.value, "low": found.low, "high": found.high}


def recognition(corpus) -> None:
    """How EMO-DB's listeners recognised each emotion: of the clips published, and of all tested."""
    every, _ = emodb._listeners(corpus.root)
    every = pd.DataFrame(every).T
    parts = [emodb._NAME.fullmatch(f"{name}.wav") for name in every.index]
    every = every[[part is not None for part in parts]]
    parts = [part for part in parts if part]
    every["speaker"] = [part[1] for part in parts]
    every["sentence"] = [part[2] for part in parts]
    every["emotion"] = [emodb._EMOTIONS[part[3]] for part in parts]
    rows = []
    for which, table in {"published": corpus.table, "tested": every}.items():
        for emotion, part in [*table.groupby("emotion"), ("all", table)]:
            given = part.dropna(subset="recognised")
            for what in ("recognised", "natural"):
                found = mean_over_speakers(given, what) | {"clips": len(given)}
                rows.append({"clips of": which, "emotion": emotion, "question": what} | found)
    values = flat(pd.DataFrame(rows), ["clips of", "emotion", "question"])
    write(corpus.name, "recognition", values)
    rows = []
    for which, table in {"published": every.loc[corpus.table.index], "tested": every}.items():
        told = svm_by_speaker(pd.get_dummies(table["sentence"]), table, corpus.labels)
        found = bootstrap(told, partial(uar, labels=corpus.labels))
        row = {"clips of": which, "value": found.value, "low": found.low, "high": found.high}
        rows.append(row | {"clips": len(table), "chance": 1 / len(corpus.labels)})
    write(corpus.name, "sentence-alone", flat(pd.DataFrame(rows), ["clips of"]))


def level_alone(corpus) -> None:
    """How loud each emotion is, and how well loudness alone tells the emotions apart."""
    measured = levels(corpus)
    table = corpus.table.loc[measured.index]
    by_emotion = measured.groupby(table["emotion"])
    spread = by_emotion["level"].quantile([0.25, 0.5, 0.75]).reset_index()
    spread["level_1"] = spread.pop("level_1").map({0.25: "low", 0.5: "value", 0.75: "high"})
    spread = spread.pivot_table(index="emotion", columns="level_1", values="level")
    spread["peak"] = by_emotion["peak"].median()
    write(corpus.name, "levels", flat(spread.reset_index(), ["emotion"]))
    own = measured["level"].groupby(table["speaker"]).transform("mean")
    inputs = {
        "level": measured[["level"]],
        "level against the speaker's mean": (measured["level"] - own).to_frame(),
        "length": measured[["seconds"]],
    }
    rows = []
    for name, vectors in inputs.items():
        predicted = svm_by_speaker(vectors, table, corpus.labels)
        found = bootstrap(predicted, partial(uar, labels=corpus.labels))
        rows.append({"input": name, "value": found.value, "low": found.low, "high": found.high})
    values = flat(pd.DataFrame(rows).assign(chance=1 / len(corpus.labels)), ["input"])
    write(corpus.name, "level-alone", values, labels=list(corpus.labels))


def effects(corpus) -> None:
    """How each emotion moves eight measures of the voice, against the speaker's neutral."""
    measured = prosody(corpus, progress=True)
    parts = [
        within_speaker(measured, corpus.table, emotion).assign(emotion=emotion)
        for emotion in corpus.labels
        if emotion != "neutral"
    ]
    values = flat(pd.concat(parts), ["emotion", "measure"])
    write(corpus.name, "prosody", values, baseline="neutral")


def interval(statistic, speaker) -> dict:
    """A statistic of some rows (their numbers are given to it), and its interval over speakers."""
    rows = pd.DataFrame({"prediction": range(len(speaker)), "truth": 0.0, "speaker": speaker})
    found = bootstrap(rows, lambda _, chosen: float(statistic(chosen)), n=500)
    return {"value": found.value, "low": found.low, "high": found.high}


def judged(corpus) -> dict[str, dict]:
    """What the raters of one channel make of CREMA-D, each number with its interval."""
    counts = vote_counts(corpus.table["votes"])
    asked = corpus.table.loc[counts.index, "emotion"]
    speaker = corpus.table.loc[counts.index, "speaker"].to_numpy()
    votes = counts.to_numpy()
    total, most = votes.sum(1), votes.max(1)
    hits = votes[range(len(votes)), counts.columns.get_indexer(asked)]
    clear = most > total / 2
    shares = {
        "raters a clip": (total, None),
        "votes for what was asked": (hits, total),
        "clips with a majority for what was asked": (hits > total / 2, None),
        "clips without a majority": (~clear, None),
        "votes against the majority": ((total - most) * clear, total * clear),
    }
    found = {"alpha": interval(lambda i: alpha_votes(votes[i]), speaker)}
    for name, (top, bottom) in shares.items():
        bottom = [1] * len(total) if bottom is None else bottom
        top, bottom = pd.Series(top).to_numpy(float), pd.Series(bottom).to_numpy(float)
        found[name] = interval(lambda i, t=top, b=bottom: t[i].sum() / b[i].sum(), speaker)
    return found


def crowd() -> None:
    """What CREMA-D's raters made of the voice, the face, and both."""
    agreed, voted = [], []
    for channel in ("voice", "face", "both"):
        corpus = load_corpus("crema_d", modality=channel)
        agreed += [{"channel": channel, "what": what} | row for what, row in judged(corpus).items()]
        counts = vote_counts(corpus.table["votes"])
        shares = counts.groupby(corpus.table["emotion"].rename("asked for")).sum()
        shares = shares.div(shares.sum(axis=1), axis=0).reset_index()
        voted.append(shares.melt("asked for", var_name="voted", value_name="share"))
        voted[-1]["channel"] = channel
    write("crema_d", "agreement", flat(pd.DataFrame(agreed), ["channel", "what"]))
    write("crema_d", "votes", flat(pd.concat(voted), ["channel", "asked for", "voted"]))
    ages = corpus.table.drop_duplicates("speaker")["age"]
    known = {"youngest": ages.min(), "median age": ages.median(), "oldest": ages.max()}
    write("crema_d", "survey", survey(corpus) | {k: float(v) for k, v in known.items()})


def main() -> None:
    """Measure the corpora one after the other."""
    for name in ("emodb", "ravdess"):
        corpus = load_corpus(name)
        write(name, "survey", survey(corpus))
        level_alone(corpus)
        effects(corpus)
    recognition(load_corpus("emodb"))
    crowd()


if __name__ == "__main__":
    main()
