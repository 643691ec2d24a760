"""The real EMO-DB and RAVDESS, and the numbers that their datasheets print."""

import re
from pathlib import Path

import numpy as np
import pytest

from serlib.corpora import load_corpus
from serlib.corpora.check import check

SHEETS = Path(__file__).parents[2] / "book" / "datasheets"
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def emodb(real_root):
    return load_corpus("emodb", real_root / "corpora/emodb", strict=True)


@pytest.fixture(scope="module")
def ravdess(real_root):
    return load_corpus("ravdess", real_root / "corpora/ravdess", strict=True)


def on_sheet(name):
    """Read the totals and the counts per emotion off a datasheet's two tables."""
    text = (SHEETS / f"{name}.md").read_text()
    totals = dict(re.findall(r"^\| (Utterances|Speakers|Minutes) \| ([\d.]+)", text, re.MULTILINE))
    rows = re.findall(r"^\| ([a-z]+) \|.*\| (\d+) \|$", text, re.MULTILINE)
    return {key.lower(): float(value) for key, value in totals.items()}, {
        emotion: int(count) for emotion, count in rows
    }


def matches_sheet(report, name):
    totals, emotions = on_sheet(name)
    assert totals == {key: report[key] for key in ("utterances", "speakers", "minutes")}
    assert emotions == report["emotions"]


def test_emodb(emodb):
    report = check(emodb, strict=True)
    assert (report["utterances"], report["speakers"], report["minutes"]) == (535, 10, 24.8)
    assert report["problems"] == []
    matches_sheet(report, "emodb")


def test_emodb_sheet_on_listeners_and_holes(emodb):
    table = emodb.table
    assert table["recognised"].min() >= 0.8 and round(table["recognised"].mean(), 2) == 0.94
    assert (table["natural"] < 0.6).sum() == 42 and table["natural"].min() == 0.45
    disgust = table[table["emotion"] == "disgust"].groupby("speaker").size()
    assert "08" not in disgust and disgust["03"] == disgust["10"] == 1
    sizes = table.groupby("speaker").size()
    assert table.groupby(["speaker", "emotion"]).size()["09", "fear"] == 1
    assert (sizes["12"], sizes["16"], sizes.min(), sizes.max()) == (35, 71, 35, 71)
    assert table["text"].nunique() == 10 and table.groupby("speaker")["text"].nunique().min() == 10


def test_ravdess(ravdess):
    report = check(ravdess, strict=True)
    assert (report["utterances"], report["speakers"]) == (1440, 24)
    assert report["emotions"] == {e: 96 if e == "neutral" else 192 for e in ravdess.labels}
    twins = [line for line in report["problems"] if "byte-identical" in line]
    assert len(twins) == 1
    assert twins[0].startswith("note: 03-01-03-01-02-01-07, 03-01-03-01-02-02-07:")
    matches_sheet(report, "ravdess")


def test_ravdess_is_balanced(ravdess):
    table = ravdess.table
    assert set(table.groupby("speaker").size()) == {60}
    assert set(table.groupby("gender").size()) == {720}
    assert set(table.groupby("text").size()) == {720}


def test_ravdess_sheet_on_levels_and_silence(ravdess):
    table, edges = ravdess.table.copy(), []
    for utterance in table.index:
        waveform, rate = ravdess.audio(utterance)
        table.loc[utterance, "level"] = 10 * np.log10(np.mean(waveform**2))
        loud = np.flatnonzero(np.abs(waveform) > 0.05 * np.abs(waveform).max())
        edges.append((loud[0] / rate, (len(waveform) - loud[-1]) / rate))
    levels = {by: table.groupby(by)["level"].median() for by in ("speaker", "emotion", "intensity")}
    actors = levels["speaker"].round()
    assert (actors.idxmin(), actors.min(), actors.idxmax(), actors.max()) == ("09", -53, "10", -35)
    assert set(levels["emotion"].nsmallest(2).index) == {"calm", "neutral"}
    assert round(levels["intensity"]["strong"] - levels["intensity"]["normal"]) == 9
    np.testing.assert_allclose(np.median(edges, axis=0), 1, atol=0.1)
