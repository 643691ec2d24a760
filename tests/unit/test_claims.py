"""The ledger refuses a verdict without evidence, and our number is computed from the records."""

import json
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from serlib.claims import claims_table, load_claims
from serlib.errors import RecordError
from serlib.evidence import allowed_verdicts, measured
from serlib.protocols import Fold, ccc
from serlib.regression import of_fold
from serlib.results import Measurement, Record, environment, write

LABELS = ["anger", "neutral"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A book with records of two variants on four speakers, and of a cost."""
    tmp_path = tmp_path_factory.mktemp("book")
    for speaker in range(4):
        rng = np.random.default_rng(speaker)
        truth = rng.permutation(["anger", "neutral"] * 15)
        for variant, hit in (("base", 0.6), ("dsnet", 0.95)):
            right = rng.random(30) < hit
            rows = [
                {
                    "utterance": f"{speaker}-{i}",
                    "speaker": str(speaker),
                    "truth": t,
                    "prediction": t if r else LABELS[t == "anger"],
                    "scores": None,
                }
                for i, (t, r) in enumerate(zip(truth, right, strict=True))
            ]
            recalls = [right[truth == label].mean() for label in LABELS]
            record = Record(
                paper="toy",
                variant=variant,
                corpus="c",
                protocol="leave one speaker out",
                fold=str(speaker),
                held_out=str(speaker),
                seed=0,
                profile=None,
                parameters={},
                labels=LABELS,
                utterances=rows,
                metrics={"uar": {"value": np.mean(recalls), "low": None, "high": None}},
                seconds=1.0,
                **environment(),
            )
            write(record, tmp_path / "results" / "toy" / "runs")
    cost = Measurement("toy", "cost", {"parameters": 1_771_589}, {}, **environment())
    write(cost, tmp_path / "results" / "toy")
    return tmp_path


@pytest.fixture
def book(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "book"))


def ledger(book, *entries, **changes):
    plain = {
        "id": "TO-1",
        "text": "It works",
        "value": 90.0,
        "unit": "%",
        "protocol": "leave one speaker out",
        "verdict": "reproduced",
        "records": ["runs/*.json"],
        "measure": {"metric": "uar", "variant": "dsnet"},
    }
    claims = [plain | entry for entry in entries or ({},)]
    claims = [{k: v for k, v in claim.items() if v != "absent"} for claim in claims]
    data = {"paper": "toy", "title": "T", "reference": "R", "claims": claims} | changes
    (book / "claims").mkdir(exist_ok=True)
    (book / "claims" / "toy.yml").write_text(yaml.safe_dump(data))
    return book


def refusal(book, *entries, **changes):
    with pytest.raises(RecordError) as caught:
        load_claims("toy", ledger(book, *entries, **changes))
    assert "\n" not in str(caught.value) and "toy.yml" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("verdict", ["reproduced", "not reproduced", "contradicted"])
def test_a_verdict_without_a_record_that_exists_is_refused(book, verdict):
    assert "TO-1" in refusal(book, {"verdict": verdict, "records": []})
    reason = refusal(book, {"verdict": verdict, "records": ["none/*.json"]})
    assert "no record matches none/*.json" in reason


def test_a_verdict_on_a_damaged_record_is_refused(book):
    path = next((book / "results" / "toy" / "runs").iterdir())
    path.write_text(path.read_text().replace('"seed": 0', '"seed": "0"'))
    with pytest.raises(RecordError, match="field seed"):
        load_claims("toy", ledger(book))


@pytest.mark.parametrize("verdict", ["needs data", "needs weights"])
def test_what_is_missing_comes_with_a_command(book, verdict):
    missing = {"verdict": verdict, "records": [], "measure": "absent"}
    assert "command" in refusal(book, missing)
    assert "command" in refusal(book, missing | {"command": "ask somebody"})
    ledger(book, missing | {"command": "serlib run 04-dsnet --corpus iemocap"})
    assert load_claims("toy", book)[0].verdict == verdict


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"verdict": "plausible"}, "claims[0].verdict"),
        ({"verdict": "Reproduced"}, "claims[0].verdict"),
        ({"id": "1"}, "claims[0].id"),
        ({"unit": "percent"}, "claims[0].unit"),
        ({"value": "90 %"}, "claims[0].value"),
        ({"protocol": "absent"}, "protocol"),
        ({"verdikt": "reproduced"}, "verdikt"),
        ({"records": ["../../elsewhere.json"]}, "claims[0].records[0]"),
        ({"measure": {"metric": "uar"}}, "measure"),
        ({"measure": {"value": "parameters", "within": 0.5}}, "measure"),
    ],
)
def test_a_malformed_claim_is_named_with_its_field(book, entry, named):
    assert named in refusal(book, entry)


def test_a_ledger_is_itself_and_its_ids_are_unique(book):
    assert "TO-1: listed twice" in refusal(book, {}, {})
    assert "paper" in refusal(book, paper="other")
    with pytest.raises(RecordError, match="no such ledger; there are: toy"):
        load_claims("ty", book)
    (book / "claims" / "toy.yml").write_text("claims: [")
    with pytest.raises(RecordError, match="not YAML"):
        load_claims("toy", book)


def test_our_number_is_pooled_over_the_records(book):
    claim = load_claims("toy", ledger(book))[0]
    found = measured(claim)
    rows = [
        (row["truth"], row["prediction"])
        for path in (book / "results" / "toy" / "runs").glob("toy-dsnet-*")
        for row in json.loads(path.read_text())["utterances"]
    ]
    recalls = [np.mean([p == t for t, p in rows if t == label]) for label in LABELS]
    assert found.value == pytest.approx(100 * np.mean(recalls))
    assert found.low < found.value < found.high


def test_our_number_is_the_mean_over_folds(book):
    measure = {"metric": "uar", "variant": "dsnet", "aggregate": "folds"}
    found = measured(load_claims("toy", ledger(book, {"measure": measure}))[0])
    paths = (book / "results" / "toy" / "runs").glob("toy-dsnet-*")
    folds = [json.loads(path.read_text())["metrics"]["uar"]["value"] for path in paths]
    assert len(folds) == 4
    assert found.value == pytest.approx(100 * np.mean(folds))
    assert min(folds) * 100 <= found.low <= found.value <= found.high <= max(folds) * 100


def test_our_number_is_a_paired_difference(book):
    measure = {"metric": "uar", "variant": "dsnet", "minus": "base"}
    entry = {"measure": measure, "unit": "points"}
    found = measured(load_claims("toy", ledger(book, entry))[0])
    both = [
        measured(load_claims("toy", ledger(book, {"measure": {"metric": "uar", "variant": v}}))[0])
        for v in ("dsnet", "base")
    ]
    assert found.value == pytest.approx(both[0].value - both[1].value)
    assert 0 < found.low < found.value < found.high and 0 < found.p <= 1


def test_our_number_is_a_difference_of_probes(book):
    """z_ei knows the speaker better than z_er in three folds of four, by 1/10 on average."""
    gains = {}
    for i, path in enumerate(sorted((book / "results" / "toy" / "runs").glob("toy-dsnet-*"))):
        data = json.loads(path.read_text())
        gains[data["fold"]] = [0.2, 0.3, -0.2, 0.1][i]
        data["extra"]["probes"] = [
            {"subspace": "z_er", "target": "speaker", "score": 0.4},
            {"subspace": "z_ei", "target": "speaker", "score": 0.4 + gains[data["fold"]]},
            {"subspace": "z_ei", "target": "emotion", "score": 0.9},
        ]
        path.write_text(json.dumps(data))
    measure = {"probe": "speaker", "subspace": "z_ei", "minus": "z_er", "variant": "dsnet"}
    entry = {"measure": measure, "unit": "points", "value": None, "verdict": "not reproduced"}
    claim = load_claims("toy", ledger(book, entry))[0]
    found = measured(claim)
    assert found.value == pytest.approx(10) and found.low < 0 < found.high
    # Of the 16 ways to exchange folds, some give a mean that is as far from 0.
    patterns = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T @ list(gains.values())
    assert found.p == pytest.approx((np.abs(patterns) >= 0.4 - 1e-9).mean())
    assert allowed_verdicts(claim) == ("not reproduced",)
    missing = entry | {"measure": measure | {"minus": "h"}}
    with pytest.raises(RecordError, match="speaker was not read from h"):
        measured(load_claims("toy", ledger(book, missing))[0])


def test_our_number_is_counted(book):
    entry = {"measure": {"value": "parameters"}, "records": ["cost.json"], "unit": "M"}
    found = measured(load_claims("toy", ledger(book, entry))[0])
    assert found.value == found.low == found.high == pytest.approx(1.77159)


@pytest.mark.parametrize(
    ("measure", "records", "named"),
    [
        ({"metric": "uar", "variant": "casn"}, "runs/*.json", "casn"),
        ({"value": "seconds"}, "cost.json", "seconds"),
        ({"metric": "uar", "variant": "dsnet"}, "cost.json", "no run of variant"),
    ],
)
def test_evidence_that_lacks_what_is_measured_is_named(book, measure, records, named):
    entry = {"measure": measure, "records": [records]}
    with pytest.raises(RecordError, match=f"TO-1: .*{named}"):
        measured(load_claims("toy", ledger(book, entry))[0])


def verdicts(book, **entry):
    return allowed_verdicts(load_claims("toy", ledger(book, entry))[0])


def test_numbers_allow_only_their_verdicts(book):
    counted = {"measure": {"value": "parameters", "within": 0.005}, "unit": "M"}
    counted["records"] = ["cost.json"]
    assert verdicts(book, value=1.77, **counted) == ("reproduced",)
    assert verdicts(book, value=1.63, **counted) == ("not reproduced", "contradicted")
    ours = measured(load_claims("toy", ledger(book))[0])
    assert verdicts(book, value=ours.value) == ("reproduced",)
    assert verdicts(book, value=ours.low - 0.1) == ("not reproduced", "contradicted")
    assert verdicts(book, measure="absent") == ()


def test_a_relation_holds_with_p_below_5_percent(book, monkeypatch):
    from serlib import evidence

    relation = {"value": None, "measure": {"metric": "uar", "variant": "dsnet", "minus": "base"}}
    # Four speakers: no sign-flip test can reach p < 0.05.
    assert verdicts(book, **relation) == ("not reproduced",)
    for value, p, verdict in ((5, 0.01, "reproduced"), (-5, 0.01, "contradicted")):
        found = evidence.Measured(value, value - 1, value + 1, p)
        monkeypatch.setattr(evidence, "measured", lambda claim, found=found: found)
        assert verdicts(book, **relation) == (verdict,)


def test_the_table_shows_ours_beside_the_papers(book):
    command = "serlib run 04-dsnet"
    missing = {"verdict": "needs data", "records": [], "command": command}
    counted = {"measure": {"value": "parameters"}, "records": ["cost.json"], "unit": "M"}
    relation = {"value": None, "id": "TO-4"}
    entries = [{}, {"id": "TO-2"} | missing, {"id": "TO-3", "value": 1.63} | counted, relation]
    table = claims_table("toy", ledger(book, *entries))
    assert list(table.index) == ["TO-1", "TO-2", "TO-3", "TO-4"]
    assert list(table.columns) == ["claim", "paper", "ours", "protocol", "verdict", "evidence"]
    ours = measured(load_claims("toy", book)[0])
    assert table.loc["TO-1", "ours"] == f"{ours.value:.4g} [{ours.low:.4g}, {ours.high:.4g}] %"
    assert table.loc["TO-1", "evidence"] == "runs/*.json"
    assert (table.loc["TO-2", "ours"], table.loc["TO-2", "evidence"]) == ("", command)
    assert (table.loc["TO-3", "paper"], table.loc["TO-3", "ours"]) == ("1.63 M", "1.772 M")
    assert table.loc["TO-4", "paper"] == ""


@pytest.mark.parametrize(
    ("low", "high", "p", "value", "expected"),
    [
        (0.8, 1.2, None, 1.1, ("reproduced",)),
        (0.8, 1.05, None, 1.1, ("not reproduced", "contradicted")),
        (0.8, 1.2, 0.01, None, ("reproduced",)),
        (-0.2, 2.2, 0.3, None, ("not reproduced",)),
    ],
)
def test_a_measurement_may_bring_its_interval(book, low, high, p, value, expected):
    values = {"gain": 1.0, "gain_low": low, "gain_high": high, "gain_p": p}
    told = Measurement("toy", "gain", values, {}, **environment())
    write(told, book / "results" / "toy")
    entry = {"measure": {"value": "gain"}, "records": ["gain.json"], "unit": "", "value": value}
    assert verdicts(book, **entry) == expected
    found = measured(load_claims("toy", ledger(book, entry))[0])
    assert (found.low, found.high, found.p) == (low, high, p)


GRADES = ["activation", "valence"]


@pytest.fixture
def graded(book):
    """Records of two systems' grades: on clean speech six speakers, in noise two of them."""
    for speaker, protocol, variant in product(range(6), ("clean", "noise 5 dB"), ("all", "few")):
        if protocol != "clean" and speaker > 1:
            continue
        rng = np.random.default_rng(speaker)
        truth = rng.normal(3, 1, (30, 2))
        size = {"clean": 0.5, "noise 5 dB": 3.0}[protocol] + 0.05 * (variant == "few")
        guess = truth + size * rng.normal(size=truth.shape)
        table = pd.DataFrame(truth, [f"{speaker}-{i}" for i in range(30)], GRADES)
        record = of_fold(
            table=table.assign(speaker=str(speaker)),
            fold=Fold(str(speaker), (), (), tuple(table.index), str(speaker)),
            utterances=table.index,
            predicted=dict(zip(GRADES, guess.T, strict=True)),
            paper="toy",
            variant=variant,
            corpus="c",
            protocol=f"leave one speaker out, {protocol}",
            seed=0,
            profile=None,
            parameters={},
            seconds=1.0,
        )
        write(record, book / "results" / "toy" / "graded")
    return book


def ccc_claim(book, **changes):
    measure = {"metric": "ccc", "targets": GRADES, "variant": "few", "condition": "clean"}
    entry = {"value": None, "unit": "", "records": ["graded/*.json"]}
    return load_claims("toy", ledger(book, entry | {"measure": measure | changes}))[0]


def test_our_number_is_a_ccc_of_all_predictions_under_one_condition(graded):
    found = measured(ccc_claim(graded))
    pairs = {target: [] for target in GRADES}
    for path in (graded / "results" / "toy" / "graded").glob("toy-few-*"):
        data = json.loads(path.read_text())
        if data["protocol"].endswith(", clean"):
            for row in data["utterances"]:
                for target in GRADES:
                    pairs[target].append((row["truth"][target], row["prediction"][target]))
    by_hand = [ccc(*np.transpose(both)) for both in pairs.values()]
    assert len(pairs["valence"]) == 180
    assert found.value == pytest.approx(np.mean(by_hand))
    assert found.low < found.value < found.high
    noisy = measured(ccc_claim(graded, condition="noise 5 dB"))
    assert noisy.value < found.value - 0.3
    with pytest.raises(RecordError, match="TO-1: no run of variant 'few'"):
        measured(ccc_claim(graded, condition="room 1.0 s"))


def test_a_ccc_that_is_no_worse_than_a_margin(graded):
    lost = measured(ccc_claim(graded, minus="all"))
    both = [measured(ccc_claim(graded, variant=variant)).value for variant in ("few", "all")]
    assert lost.value == pytest.approx(both[0] - both[1])
    assert lost.low < lost.value < lost.high < 0 and lost.p < 0.05
    # Worse beyond doubt, so that the bare relation is contradicted; and yet no worse than 0.1.
    allowed = {
        margin: allowed_verdicts(ccc_claim(graded, minus="all", margin=margin))
        for margin in (-lost.low + 0.01, -lost.value, -lost.high - 0.001)
    }
    assert list(allowed.values()) == [("reproduced",), ("not reproduced",), ("contradicted",)]
    assert allowed_verdicts(ccc_claim(graded, minus="all")) == ("contradicted",)


@pytest.mark.parametrize(
    "changes", [{"margin": 0.1}, {"minus": "all", "margin": 0}, {"targets": []}]
)
def test_a_malformed_measure_of_ccc_is_refused(graded, changes):
    with pytest.raises(RecordError, match="measure"):
        ccc_claim(graded, **changes)
