"""Count DailyDialog's copies, and how far the labels of copies agree; one record each.

The corpus was collected from several sites, and the same dialogue can have come twice. Two copies
may have been labelled apart or not; where their labels differ, no model can be right about both.
The interval is over dialogues.

Run: SERLIB_DATA=../shared python tests/bench/measure_dailydialog.py (half a minute).
"""

from functools import partial
from pathlib import Path

from sklearn.metrics import cohen_kappa_score

from serlib import results
from serlib.corpora import load_corpus
from serlib.protocols import bootstrap, copied_turns, f1, wa
from serlib.protocols.leakage import normalise

OUTPUT = Path(__file__).parents[2] / "book" / "results" / "dailydialog"
PAIRS = (("test", "train"), ("dev", "train"), ("test", "dev"), ("train", "train"))


def copies(table, of, among, labels):
    """Count the dialogues of one split that the other has, and compare the labels."""
    mine, pairs = table[table["split"] == of], copied_turns(table, of, among)
    values = {
        "dialogues": mine["dialogue"].nunique(),
        "copied_dialogues": mine.loc[pairs.index, "dialogue"].nunique(),
        "turns": len(mine),
        "copied_turns": len(pairs),
    }
    own, other = (table.loc[ids, "emotion"].to_numpy() for ids in (pairs.index, pairs))
    exact = table.loc[pairs.index, "text"].to_numpy() == table.loc[pairs, "text"].to_numpy()
    per_dialogue = table.loc[pairs.index].assign(same=own == other, exact=exact)
    frame = per_dialogue.assign(truth=own, prediction=other)
    per_dialogue = per_dialogue.groupby("dialogue")[["same", "exact"]].all()
    micro = bootstrap(
        frame, partial(f1, labels=labels, average="micro", without="neutral"), "dialogue"
    )
    return values | {
        "identical_to_the_character": int(per_dialogue["exact"].sum()),
        "labelled_alike_throughout": int(per_dialogue["same"].sum()),
        "agreement": wa(own, other, labels),
        "kappa": float(cohen_kappa_score(own, other)),
        "micro_f1_without_neutral": micro.value,
        "micro_f1_without_neutral_low": micro.low,
        "micro_f1_without_neutral_high": micro.high,
    }


def utterances(table):
    """Count the test turns whose words are a turn of train, whatever their dialogues."""
    words = table["text"].map(normalise)
    test, train = words[table["split"] == "test"], set(words[table["split"] == "train"])
    long, known = test.str.split().str.len() >= 5, test.isin(train)
    emotional = table.loc[test.index, "emotion"] != "neutral"
    return {
        "turns": len(test),
        "known": int(known.sum()),
        "of_five_words_or_more": int(long.sum()),
        "known_of_five_words_or_more": int((known & long).sum()),
        "emotional": int(emotional.sum()),
        "known_emotional": int((known & emotional).sum()),
    }


def main():
    """Measure every pair of splits, and the single utterances."""
    corpus = load_corpus("dailydialog")
    found = {f"copies-of-{of}-in-{among}": (of, among) for of, among in PAIRS}
    found = {what: copies(corpus.table, *pair, corpus.labels) for what, pair in found.items()}
    whole = corpus.table.assign(split="corpus")
    found["copies-in-the-corpus"] = copies(whole, "corpus", "corpus", corpus.labels)
    found["test-turns-known-from-train"] = utterances(corpus.table)
    parameters = {"compared": "words, without case, punctuation and spacing"}
    for what, values in found.items():
        record = results.Measurement(
            "dailydialog", what, values, parameters, **results.environment()
        )
        print(what, values, results.write(record, OUTPUT), sep="\n")


if __name__ == "__main__":
    main()
