"""Records of predicted grades: written, read, and summarised as if by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest

from serlib import regression, results
from serlib.errors import RecordError
from serlib.grids import read_grid, write_grid
from serlib.protocols import Fold, bootstrap, ccc, paired
from serlib.protocols.concordance import MeanCCC

TARGETS = ["activation", "valence"]


@pytest.fixture
def table():
    """Six speakers with ten utterances each, of which one has no variance."""
    rng = np.random.default_rng(0)
    names = [f"u{i}" for i in range(60)]
    frame = pd.DataFrame(
        rng.normal(3, 1, (60, 2)), columns=TARGETS, index=pd.Index(names, name="utterance")
    )
    variance = np.where(np.arange(60) == 7, np.nan, rng.random(60))
    return frame.assign(speaker=np.repeat(list("abcdef"), 10), activation_var=variance)


@pytest.fixture
def records(table, tmp_path):
    """Two folds and two seeds of a good and a bad system."""
    halves = {"one": table.index[:30], "two": table.index[30:]}
    for variant, noise in [("good", 0.3), ("bad", 3.0)]:
        for number, (name, part) in enumerate(halves.items()):
            for seed in (0, 1):
                rng = np.random.default_rng([seed, number])
                predicted = {
                    t: table.loc[part, t].fillna(0).to_numpy() + noise * rng.normal(size=30)
                    for t in [*TARGETS, "activation_var"]
                }
                results.once(
                    tmp_path,
                    lambda predicted=predicted: (predicted, {"epochs": 3}),
                    table=table,
                    fold=Fold(name, (), (), tuple(part), name),
                    utterances=part,
                    labels=[],
                    paper="p",
                    variant=variant,
                    corpus="c",
                    protocol="halves",
                    seed=seed,
                    parameters={},
                )
    return tmp_path


def test_a_record_holds_every_target(records, table):
    path = sorted(records.glob("*good-c-one-0*.json"))[0]
    record = results.read(path)
    row = next(r for r in record.utterances if r["utterance"] == "u7")
    assert record.labels == [] and row["truth"]["activation_var"] is None
    assert row["truth"]["valence"] == pytest.approx(table.loc["u7", "valence"], rel=1e-5)
    assert set(row["prediction"]) == {"activation", "valence", "activation_var"}
    truth = [r["truth"]["valence"] for r in record.utterances]
    prediction = [r["prediction"]["valence"] for r in record.utterances]
    assert record.metrics["ccc_valence"]["value"] == pytest.approx(ccc(truth, prediction), 1e-4)
    assert results.find(records, variant="good", corpus="c", seed=0, parameters={}) is not None


def test_the_ccc_is_of_all_predictions_together(records):
    found, rows = regression.ccc_by(records, TARGETS), regression.long(records)
    for variant in ("good", "bad"):
        own = rows[rows["variant"] == variant]
        by_hand = []
        for target in TARGETS:
            part = own[own["target"] == target]
            by_hand.append(ccc(part["truth"], part["prediction"]))
        assert list(found.loc[variant, TARGETS]) == pytest.approx(by_hand)
        assert found.loc[variant, "value"] == pytest.approx(np.mean(by_hand))
        assert found.loc[variant, "runs"] == 4
        assert found.loc[variant, "low"] < found.loc[variant, "value"] < found.loc[variant, "high"]
    spread = regression.ccc_by(records, ["activation_var"])
    one = rows[(rows["target"] == "activation_var") & rows["truth"].notna()]
    good = one[one["variant"] == "good"]
    assert len(good) == 4 * 30 - 2
    assert spread.loc["good", "value"] == pytest.approx(ccc(good["truth"], good["prediction"]))


def test_differences_are_paired(records):
    found = regression.ccc_minus(records, TARGETS, "bad").loc["good"]
    values = regression.ccc_by(records, TARGETS)["value"]
    assert found["minus bad"] == pytest.approx(values["good"] - values["bad"])
    assert 0 < found["low"] < found["high"] and found["p"] == found["smallest possible p"] == 2 / 64
    with pytest.raises(RecordError, match="'best': no run of it here; there are bad, good"):
        regression.ccc_minus(records, TARGETS, "best")


def test_the_form_on_clusters_is_the_loop():
    rng = np.random.default_rng(1)
    truth, prediction = rng.normal(size=(50, 3)) + 100, rng.normal(size=(120, 3)) + 101
    frame = pd.DataFrame({"truth": rng.integers(50, size=120), "prediction": np.arange(120)})
    frame = frame.assign(speaker=np.arange(120) // 20, utterance=np.arange(120))
    metric = MeanCCC(truth, prediction)
    weights = rng.integers(0, 3, (5, 6)) + np.eye(6, dtype=int)[:5]
    fast = metric.of_clusters(
        frame["truth"].to_numpy(), frame["prediction"].to_numpy(), frame["speaker"].to_numpy(), 6
    )(weights)
    for value, weight in zip(fast, weights, strict=True):
        rows = frame.loc[frame.index.repeat(weight[frame["speaker"]])]
        assert value == pytest.approx(metric(rows["truth"], rows["prediction"]), abs=1e-9)
    slow = bootstrap(frame, lambda t, p: metric(t, p), n=50)
    quick = bootstrap(frame, metric, n=50)
    assert (slow.value, slow.low, slow.high) == pytest.approx((quick.value, quick.low, quick.high))
    other = frame.assign(prediction=np.roll(frame["prediction"], 1))
    assert paired(frame, other, metric, n=50).p == paired(frame, other, metric, n=50).p


def test_a_constant_target_counts_as_0():
    truth = np.c_[np.full(20, 3.0), np.arange(20)]
    metric, rows = MeanCCC(truth, truth), np.arange(20)
    with pytest.warns(UserWarning, match="constant"):
        assert metric(rows, rows) == pytest.approx(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = metric.of_clusters(rows, rows, rows // 5, 4)(np.ones((1, 4), int))
    assert fast[0] == pytest.approx(0.5)


def test_a_grid_comes_back_as_it_was(tmp_path):
    frame = pd.DataFrame({"value": [0.5, np.nan], "n": [3, 4]}, index=["b-60", "a-20"])
    path = write_grid(frame, tmp_path, paper="p", what="grid", parameters={"seeds": [0]})
    expected = frame.astype(float).sort_index().sort_index(axis=1)
    pd.testing.assert_frame_equal(read_grid(path), expected)
    with pytest.raises(RecordError, match="unique names"):
        write_grid(frame.set_axis(["a", "a"]), tmp_path, paper="p", what="x", parameters={})
    other = results.Measurement("p", "single", {"n": 1.0}, {}, **results.environment())
    with pytest.raises(RecordError, match="not a table"):
        read_grid(results.write(other, tmp_path))
