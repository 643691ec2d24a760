"""The datasheet's recipe for TESS, run as it is printed on a miniature in TESS's own form."""

import re
import shlex
from pathlib import Path

import pytest

from serlib.cli import main
from serlib.corpora.published import compare

SHEET = Path(__file__).parents[2] / "book" / "datasheets" / "tess.md"
FOLDERS = {  # As in the usual distribution, spellings included.
    "OAF_angry": "angry",
    "OAF_disgust": "disgust",
    "OAF_Fear": "fear",
    "OAF_happy": "happy",
    "OAF_neutral": "neutral",
    "OAF_Pleasant_surprise": "ps",
    "OAF_Sad": "sad",
    "YAF_angry": "angry",
    "YAF_disgust": "disgust",
    "YAF_fear": "fear",
    "YAF_happy": "happy",
    "YAF_neutral": "neutral",
    "YAF_pleasant_surprised": "ps",
    "YAF_sad": "sad",
}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", SHEET.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def here(tmp_path, clip, monkeypatch):
    for n, (folder, emotion) in enumerate(FOLDERS.items()):
        for m, word in enumerate(["back", "bite"]):
            name = f"{folder[:3]}_{word}_{emotion}.wav".replace("OAF_bite_neu", "OA_bite_neu")
            clip(tmp_path / "tess" / folder / name, rate=24414, seed=2 * n + m)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_reads_every_clip(here, capsys):
    table, load = blocks("python")
    names = {}
    exec(table, names)
    exec(load, names)
    tess = names["tess"]
    assert tess.problems == () and len(tess.table) == 28
    assert tess.table.groupby("speaker").size().to_dict() == {"OAF": 14, "YAF": 14}
    assert set(tess.table.groupby("emotion").size()) == {4} and len(tess.labels) == 7
    odd = tess.table.loc["OA_bite_neutral"]
    assert (odd["speaker"], odd["text"]) == ("OAF", "Say the word bite.")
    assert tess.audio("YAF_back_ps")[1] == 24414
    # With all 200 words, the totals would be the published ones.
    whole = {"utterances": 2800, "speakers": 2} | {f"emotion {label}": 400 for label in tess.labels}
    assert compare(tess.name, tess.labels, whole)["differences"] == []


def test_the_command_on_the_sheet_checks_it(here, capsys):
    exec(blocks("python")[0], {})
    (line,) = blocks("sh")
    assert main(shlex.split(line)[1:]) == 0
    out = capsys.readouterr().out
    assert out.startswith("table: 28 utterances, 2 speakers") and "left out: 0" in out
    assert "utterances: 28 here, 2800 published (Pichora-Fuller and Dupuis 2020)" in out


def test_a_flat_folder_and_one_that_holds_everything_twice(here, clip, capsys):
    for path in list((here / "tess").rglob("*.wav")):
        path.rename(here / "tess" / path.name)
    exec(blocks("python")[0], {})
    argv = shlex.split(blocks("sh")[0])[1:]
    assert main(argv) == 0
    clip(here / "tess/again/YAF_back_ps.wav")
    clip(here / "tess/again/YAF_germ_angry.wav").write_bytes(b"RIFF, but damaged")
    exec(blocks("python")[0], {})
    assert main(argv) == 1
    out = capsys.readouterr().out
    assert "utterance 'YAF_back_ps' was there before" in out and "YAF_germ_angry.wav" in out
