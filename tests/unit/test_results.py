"""Run records: what is written is read back, what is wrong is named, a run can be found again."""

import json
import socket
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serlib import environment as env
from serlib.errors import RecordError, SerlibError, StoreError
from serlib.protocols import Fold, bootstrap, wa
from serlib.results import (
    Measurement,
    Record,
    cluster,
    compare,
    environment,
    find,
    of_fold,
    predictions,
    read,
    table,
    write,
)

LABELS = ["anger", "neutral", "sadness"]


def a_record(**changes):
    rng = np.random.default_rng(0)
    rows = [
        {
            "utterance": f"u{i}",
            "speaker": "03",
            "truth": LABELS[i % 3],
            "prediction": LABELS[i % 2],
            "scores": rng.random(3).astype("float32"),
        }
        for i in range(6)
    ]
    plain = dict(
        paper="dsnet",
        variant="base",
        corpus="emodb",
        protocol="leave one speaker out",
        fold="03",
        held_out="03",
        seed=0,
        profile="ci",
        parameters={"width": 32, "rate": 1.23456789e-7, "emotions": LABELS},
        labels=LABELS,
        utterances=rows,
        metrics={"uar": {"value": np.float64(0.5), "low": 0.4, "high": 0.6}},
        seconds=1.5,
        created="2026-01-01T00:00:00+00:00",
    )
    return Record(**(environment() | plain | changes))


def test_what_is_written_is_read_back(tmp_path):
    record = a_record()
    again = read(write(record, tmp_path))
    for name in ("paper", "seed", "labels", "parameters", "versions", "hardware", "created"):
        assert getattr(again, name) == getattr(record, name)
    assert again.metrics == {"uar": {"value": 0.5, "low": 0.4, "high": 0.6}}
    for row, expected in zip(again.utterances, record.utterances, strict=True):
        assert row["utterance"] == expected["utterance"]
        np.testing.assert_allclose(row["scores"], expected["scores"], atol=6e-6)


def test_a_record_read_and_written_again_is_the_same_bytes(tmp_path):
    first = write(a_record(), tmp_path / "a")
    second = write(read(first), tmp_path / "b")
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_key_order_of_what_is_given_does_not_change_the_bytes(tmp_path):
    backwards = dict(reversed(a_record().parameters.items()))
    first, second = (
        write(a_record(), tmp_path / "a"),
        write(a_record(parameters=backwards), tmp_path),
    )
    assert (first.name, first.read_bytes()) == (second.name, second.read_bytes())


def test_one_line_an_utterance_and_small(tmp_path):
    rows = [
        {"utterance": f"03a{i}", "speaker": "03", "truth": "a", "prediction": "b"}
        | {"scores": list(np.random.default_rng(i).random(7))}
        for i in range(54)
    ]
    path = write(a_record(labels=list("abcdefg"), utterances=rows), tmp_path)
    assert path.stat().st_size < 15_000
    assert sum('"utterance"' in line for line in path.read_text().splitlines()) == 54


def test_undefined_numbers_are_null(tmp_path):
    metrics = {"mcc": {"value": float("nan"), "low": float("-inf"), "high": np.float32("inf")}}
    rows = [a_record().utterances[0] | {"speaker": pd.NA, "scores": [np.nan, 0.5, 0.5]}]
    path = write(a_record(metrics=metrics, utterances=rows), tmp_path)
    assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()
    again = read(path)
    assert again.metrics["mcc"] == {"value": None, "low": None, "high": None}
    assert again.utterances[0]["scores"] == [None, 0.5, 0.5]
    assert again.utterances[0]["speaker"] is None


def test_a_regression_has_numbers_and_no_labels(tmp_path):
    rows = [{"utterance": "u", "speaker": None, "truth": 3.5, "prediction": 2.25, "scores": None}]
    again = read(write(a_record(labels=[], utterances=rows), tmp_path))
    assert again.utterances == rows


def test_no_machine_path_or_host_name_is_recorded(tmp_path):
    parameters = {
        "root": str(tmp_path),
        "output": str(tmp_path),
        "weights": Path("/home/somebody/models/byol.pth"),
        "reader": r"C:\Users\somebody\table.csv",
        "view": "fbank-80",
    }
    extra = {"checkpoints": [str(tmp_path / "best.ckpt")]}
    path = write(a_record(parameters=parameters, extra=extra), tmp_path)
    assert read(path).parameters == {
        "weights": "byol.pth",
        "reader": "table.csv",
        "view": "fbank-80",
    }
    assert read(path).extra == {"checkpoints": ["best.ckpt"]}
    assert socket.gethostname() not in path.read_text()
    assert str(tmp_path) not in path.read_text() and "somebody" not in path.read_text()


def test_committed_records_are_valid_and_name_no_machine():
    for path in sorted((Path(__file__).parents[2] / "book" / "results").rglob("*.json")):
        read(path)
        text = path.read_text()
        for trace in ("/home", "/root", "/tmp", "/Users", ":\\", "site-packages"):
            assert trace not in text, f"{path}: holds {trace}"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("seed", "zero", "seed"),
        ("paper", "", "paper"),
        ("metrics", {"uar": 0.5}, "metrics.uar"),
        ("utterances", [], "utterances"),
        ("utterances", [{"utterance": "u0", "truth": "anger"}], "utterances[0]"),
        ("utterances", a_record().utterances[:1] * 2, "listed twice"),
        ("labels", ["anger", "fear", "sadness"], "not among the labels"),
        ("labels", [*LABELS, "fear"], "3 scores for 4 labels"),
    ],
)
def test_a_bad_record_is_refused_and_the_field_named(tmp_path, field, value, named):
    with pytest.raises(RecordError) as caught:
        write(replace(a_record(), **{field: value}), tmp_path)
    assert named in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda text: text[: len(text) // 2], "not a readable record"),
        (lambda text: text.replace('"seed": 0', '"seed": NaN'), "NaN is not JSON"),
        (lambda text: text.replace('"schema": 1', '"schema": 2'), "schema"),
        (lambda text: text.replace('"kind": "run"', '"kind": "guess"'), "kind"),
        (lambda text: text.replace('"profile"', '"profil"'), "profil"),
        (lambda text: "[]", "kind"),
    ],
)
def test_a_damaged_file_is_named_with_its_field(tmp_path, break_it, named):
    path = write(a_record(), tmp_path)
    path.write_text(break_it(path.read_text()))
    with pytest.raises(RecordError) as caught:
        read(path)
    assert str(path) in str(caught.value) and named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_records_are_named(tmp_path):
    with pytest.raises(RecordError, match=r"none\.json: not a readable record"):
        read(tmp_path / "none.json")
    with pytest.raises(RecordError, match="no such folder"):
        table(tmp_path / "nowhere")


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError):
        write(a_record(), tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_records_that_differ_get_files_that_differ(tmp_path):
    changes = [
        {},
        {"seed": 1},
        {"fold": "08"},
        {"variant": "dsnet"},
        {"variant": "ds net"},
        {"variant": "ds_net"},
        {"protocol": "cross corpus"},
        {"parameters": {"width": 64}},
    ]
    assert len({write(a_record(**change), tmp_path) for change in changes}) == len(changes)


def test_where_a_run_lies_does_not_change_its_name():
    here = a_record(parameters={"width": 32, "root": "a", "output": "b", "seeds": [0]})
    there = a_record(parameters={"width": 32, "root": "c", "output": "d", "seeds": [0, 1]})
    assert here.filename == there.filename == a_record(parameters={"width": 32}).filename


def test_find_matches_every_field_and_the_parameters(tmp_path):
    write(a_record(variant="no-neutral"), tmp_path)
    path = write(a_record(), tmp_path)
    record = a_record()
    names = ("paper", "variant", "corpus", "protocol", "fold", "seed", "parameters")
    match = {name: getattr(record, name) for name in names}
    assert find(tmp_path, **match) == path
    assert find(tmp_path, variant="base", fold="03") == path
    assert find(tmp_path, variant="base", parameters=record.parameters) == path
    for name in names:
        other = {"width": 64} if name == "parameters" else 7 if name == "seed" else "other"
        assert find(tmp_path, **(match | {name: other})) is None, name
    assert find(tmp_path, variant="base", profile="paper") is None
    assert find(tmp_path, variant="no_neutral") is None  # Its file would have the same name.
    more = record.parameters | {"output": str(tmp_path)}
    assert find(tmp_path, **(match | {"parameters": more})) == path
    assert find(tmp_path / "not yet there", **match) is None
    with pytest.raises(RecordError, match="sed: not a field"):
        find(tmp_path, sed=0)


def test_tables_are_tidy(tmp_path):
    write(a_record(), tmp_path)
    write(a_record(seed=1, parameters={"corpus": "other", "width": 8}), tmp_path / "sub")
    write(a_measurement(), tmp_path)
    runs = table(tmp_path)
    assert list(runs["seed"]) == [0, 1] and list(runs["width"]) == [32, 8]
    assert list(runs["corpus"]) == ["emodb"] * 2
    assert runs["parameters.corpus"].to_list()[1] == "other"
    assert (runs[["uar", "uar_low", "uar_high"]] == [0.5, 0.4, 0.6]).all(axis=None)
    rows = predictions(tmp_path)
    assert len(rows) == 12
    assert rows.groupby("seed")["utterance"].nunique().to_list() == [6, 6]
    first, expected = rows.iloc[1], a_record().utterances[1]
    assert (first["truth"], first["prediction"]) == (expected["truth"], expected["prediction"])
    np.testing.assert_allclose(first["score_neutral"], expected["scores"][1], atol=6e-6)
    one = next(tmp_path.glob("*-0-*.json"))
    assert len(predictions(one)) == len(predictions([one])) == 6


def test_tables_of_nothing_have_their_columns(tmp_path):
    assert {"paper", "seed", "path"} <= set(table(tmp_path).columns)
    assert {"utterance", "truth", "prediction"} <= set(predictions(tmp_path).columns)


def a_measurement(**changes):
    plain = dict(
        paper="dsnet",
        what="cost-width32",
        values={"parameters": 1_768_012, "macs": 3.947e9},
        parameters={"width": 32},
    )
    return Measurement(**(environment() | plain | changes))


def test_a_measurement_is_a_record_of_its_own_kind(tmp_path):
    path = write(a_measurement(), tmp_path)
    assert path.name == "cost-width32.json"
    assert vars(read(path))["values"] == {"parameters": 1_768_012, "macs": 3.947e9}
    with pytest.raises(RecordError, match="what"):
        write(a_measurement(what="../escape"), tmp_path)
    with pytest.raises(RecordError, match="values"):
        write(a_measurement(values={"macs": "many"}), tmp_path)


@pytest.mark.parametrize(
    ("value", "tolerance", "verdict"),
    [
        (0.4, 0, "reproduced"),
        (0.6, 0, "reproduced"),
        (0.601, 0, "not reproduced"),
        (0.399, 0, "not reproduced"),
        (0.601, 0.005, "reproduced"),
    ],
)
def test_reproduced_iff_the_interval_contains_it(value, tolerance, verdict):
    from types import SimpleNamespace

    assert compare(SimpleNamespace(low=0.4, high=0.6), value, tolerance) == verdict


def test_the_environment_is_true():
    found = environment()
    assert found["versions"]["numpy"] == np.__version__
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["hardware"]["cores"] >= 1 and found["hardware"]["cpu"]
    assert socket.gethostname() not in json.dumps(found)


def test_the_revision_is_the_checkouts_or_none(tmp_path, monkeypatch):
    def git(*arguments):
        return subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            cwd=tmp_path, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def revision():
        env._revision.cache_clear()
        return environment()["revision"]

    module = tmp_path / "environment.py"
    module.write_text("")
    monkeypatch.setattr(env, "__file__", str(module))
    assert revision() is None
    git("init", "-q")
    git("commit", "-qm", "zero", "--allow-empty")
    assert revision() is None  # In a checkout, but not of this code.
    git("add", ".")
    git("commit", "-qm", "one")
    assert revision() == git("rev-parse", "HEAD")
    module.write_text("changed")
    assert revision() == git("rev-parse", "HEAD") + "+dirty"
    monkeypatch.undo()
    env._revision.cache_clear()


def test_the_repository_is_where_serlib_is_else_the_current_folder(tmp_path, monkeypatch):
    assert env.repository() == Path(__file__).parents[2]
    monkeypatch.setattr(env, "__file__", str(tmp_path / "site-packages" / "serlib" / "x.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SerlibError, match="no notebooks/ and book/ here; clone"):
        env.repository()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    assert env.repository() == tmp_path


def a_corpus_table(**columns):
    given = {"speaker": pd.NA, "emotion": ["anger", "neutral"] * 3, "dialogue": list("aabbcc")}
    return pd.DataFrame(given | columns, index=[f"u{i}" for i in range(6)])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"path": pd.NA}, "dialogue"),
        ({"path": "a.wav", "speaker": list("xyxyxy")}, "speaker"),
        ({"path": pd.NA, "dialogue": pd.NA, "speaker": list("xyxyxy")}, "speaker"),
        ({"speaker": list("xyxyxy")}, "speaker"),
    ],
)
def test_text_is_clustered_by_dialogue(tmp_path, columns, expected):
    frame, about = a_corpus_table(**columns), vars(a_record())
    kept = ("paper", "variant", "corpus", "protocol", "seed", "profile", "parameters", "seconds")
    record = of_fold(
        table=frame,
        fold=Fold("official", (), (), tuple(frame.index), "test"),
        utterances=list(frame.index),
        scores=np.eye(3)[[0, 1, 0, 1, 1, 2]],
        labels=LABELS,
        **{name: about[name] for name in kept},
    )
    pooled = predictions(write(record, tmp_path))
    assert cluster(pooled) == expected
    interval = bootstrap(pooled, partial(wa, labels=LABELS), cluster=cluster(pooled))
    assert interval.clusters == (3 if expected == "dialogue" else 2)
    assert ("dialogue" in pooled) == (expected == "dialogue")
