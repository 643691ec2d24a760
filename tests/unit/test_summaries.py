"""What chapters say of records, against the same computed by hand."""

import numpy as np
import pandas as pd
import pytest

from serlib import results, summaries
from serlib.errors import ProtocolError, RecordError
from serlib.protocols import Fold

LABELS = ["anger", "neutral", "sadness"]
SPEAKERS = ["a", "b", "c", "d"]
TABLE = pd.DataFrame(
    [
        (f"{speaker}{i}", speaker, LABELS[i % 3])
        for speaker in SPEAKERS
        for i in range(6 if speaker == "a" else 9)
    ],
    columns=["utterance", "speaker", "emotion"],
).set_index("utterance")


def predicted(variant, ids):
    """Base is right on half of anger; better is right on all of it; both on the rest."""
    emotions = TABLE.loc[ids, "emotion"].tolist()
    wrong = [e == "anger" and variant == "base" and i % 2 == 0 for i, e in enumerate(emotions)]
    chosen = ["sadness" if w else e for w, e in zip(wrong, emotions, strict=True)]
    return (np.array(chosen)[:, None] == np.array(LABELS)).astype(float)


@pytest.fixture
def folder(tmp_path):
    about = {"paper": "toy", "corpus": "toy", "protocol": "loso", "seed": 0, "parameters": {}}
    for speaker in SPEAKERS:
        ids = TABLE.index[TABLE["speaker"] == speaker]
        fold = Fold(f"speaker-{speaker}", (), (), tuple(ids), speaker)
        for variant in ("base", "better"):
            probes = [
                {"subspace": z, "target": "speaker", "score": score, "chance": 0.25, "bits": 1.0}
                for z, score in [("h", 0.5), ("z", 0.5 + 0.1 * SPEAKERS.index(speaker))]
            ]
            results.once(
                tmp_path,
                lambda v=variant, i=ids, p=probes: (predicted(v, i), {"probes": p}),
                variant=variant,
                table=TABLE,
                fold=fold,
                utterances=ids,
                labels=LABELS,
                **about,
            )
    return tmp_path


def recall_of_anger(ids):
    scores = predicted("base", ids)
    anger = (TABLE.loc[ids, "emotion"] == "anger").to_numpy()
    return (scores.argmax(1)[anger] == 0).mean()


def test_by_variant(folder):
    rows = summaries.by_variant(folder).set_index("variant")
    assert rows["runs"].tolist() == [4, 4] and rows["speakers"].tolist() == [4, 4]
    per_fold = [recall_of_anger(TABLE.index[TABLE["speaker"] == s]) for s in SPEAKERS]
    counts = TABLE[TABLE["emotion"] == "anger"].groupby("speaker").size()
    pooled = np.average(per_fold, weights=counts[SPEAKERS])
    assert rows.loc["base", "value"] == pytest.approx((pooled + 2) / 3)
    assert rows.loc["base", "mean over folds"] == pytest.approx((np.mean(per_fold) + 2) / 3, 1e-4)
    assert rows.loc["base", "value"] != pytest.approx(rows.loc["base", "mean over folds"], 1e-4)
    assert rows.loc["base", "low"] <= rows.loc["base", "value"] <= rows.loc["base", "high"] < 1
    assert rows.loc["better", ["value", "low", "high", "WA"]].tolist() == [1, 1, 1, 1]


def test_differences(folder):
    rows, scores = summaries.differences(folder), summaries.by_variant(folder)
    assert rows["variant"].tolist() == ["better"]
    gain = scores["value"].iloc[1] - scores["value"].iloc[0]
    assert rows["minus base"][0] == pytest.approx(gain) and gain > 0
    # Every speaker gains, so of the 2⁴ ways to swap only all and none are as far from 0.
    assert rows["p"][0] == rows["smallest possible p"][0] == 2 / 2**4
    assert summaries.differences(folder, base="better")["minus better"][0] == pytest.approx(-gain)


def test_runs_that_do_not_pair_are_refused(folder):
    next(folder.glob("*-better-*")).unlink()
    with pytest.raises(ProtocolError, match="utterance"):
        summaries.differences(folder)
    with pytest.raises(RecordError, match="variant 'none': no run of it here; there are base"):
        summaries.differences(folder, base="none")


def test_two_tasks_are_not_mixed(folder):
    path = next(folder.glob("*-better-*"))
    path.write_text(path.read_text().replace('"labels": [', '"labels": ["fear", '))
    path.write_text(path.read_text().replace('"scores": [', '"scores": [0.0, '))
    with pytest.raises(RecordError, match="2 sets of labels"):
        summaries.by_variant(folder)


def test_by_subspace_and_the_difference_of_two(folder):
    probes = results.probes(folder)
    probes = probes[probes["variant"] == "base"]
    rows = summaries.by_subspace(probes).set_index("subspace")
    assert rows["accuracy"].to_dict() == pytest.approx({"h": 0.5, "z": 0.65})
    assert rows.loc["z", "low"] < 0.65 < rows.loc["z", "high"] and rows.loc["h", "low"] == 0.5
    found = summaries.probe_difference(probes, "speaker", "z", "h")
    assert found.difference == pytest.approx(0.15) and found.clusters == 4
    with pytest.raises(RecordError, match="emotion was not read from z"):
        summaries.probe_difference(probes, "emotion", "z", "h")
