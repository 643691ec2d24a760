"""The command line: what it prints, its exit status, and one line for every mistake."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest
import soundfile as sf

from serlib.cli import main
from serlib.commands.values import parse_pairs
from serlib.errors import ParameterError, Problem


@pytest.fixture
def emodb(tmp_path):
    root = tmp_path / "emodb"
    (root / "wav").mkdir(parents=True)
    for seed, name in enumerate(["03a01Wa", "08b09Lb"]):
        noise = np.random.default_rng(seed).normal(0, 0.1, 16000 * 6)
        sf.write(root / f"wav/{name}.wav", noise, 16000)
    return root


@pytest.fixture
def stand_in(monkeypatch):
    """Put a module in the place of one that other tests cover, and keep what it is called with."""

    def put(name, **functions):
        module = types.ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)
        package, _, attribute = name.rpartition(".")
        monkeypatch.setattr(f"{package}.{attribute}", module, raising=False)

    return put


def failure(capsys, *argv):
    """Run, expect exit status 2 and a single line without traceback; return the line."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("serlib: error: ") and err.count("\n") == 1
    return err


def test_corpora_lists_name_description_and_licence(capsys):
    assert main(["corpora"]) == 0
    out = capsys.readouterr().out
    for words in ("emosynth", "emodb", "German", "ravdess", "CC BY-NC-SA 4.0", "table"):
        assert words in out


def test_check_prints_the_counts(emodb, capsys):
    assert main(["corpora", "check", "emodb", "--root", str(emodb)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("emodb: 2 utterances, 2 speakers, 0.2 minutes\n")
    assert "anger 1, boredom 1, disgust 0" in out and "left out: 0; notes: 1" in out


def test_check_json_is_one_object_with_the_agreed_keys(emodb, capsys):
    (emodb / "wav/03a01Wb.wav").touch()
    assert main(["corpora", "check", "emodb", "--root", str(emodb), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    keys = ["utterances", "speakers", "dialogues", "minutes", "emotions", "published", "problems"]
    assert list(report) == keys
    assert (report["utterances"], report["speakers"], report["minutes"]) == (2, 2, 0.2)
    assert report["problems"][0] == "error: wav/03a01Wb.wav: empty: 0 bytes; fetch it again"


def test_check_strict_stops_at_the_first_error(emodb, capsys):
    (emodb / "wav/03a01Wb.wav").touch()
    assert "03a01Wb.wav: empty" in failure(
        capsys, "corpora", "check", "emodb", "--root", str(emodb), "--strict"
    )


def test_check_takes_the_options_of_a_table(tmp_path, emodb, capsys):
    (emodb / "labels.csv").write_text("file,who,emotion\n03a01Wa.wav,s1,hap\n08b09Lb.wav,s2,sad\n")
    given = ["columns.file=path", "columns.who=speaker", "emotions.hap=happiness"]
    given += ["emotions={hap: happiness, sad: sadness}"]
    argv = ["corpora", "check", "table", "--root", str(emodb), "-o", "audio=wav"]
    for option in given[:3]:
        argv += ["-o", option]
    assert main(argv) == 1
    assert "row 3: emotion 'sad' is unknown" in capsys.readouterr().out
    argv[-1] = given[3]
    assert main(argv) == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["corpora", "check", "vam"], "no corpus 'vam'; there are emosynth, emodb"),
        (["corpora", "check", "emodb", "--root", "nowhere"], "no folder nowhere"),
        (["corpora", "check", "emodb"], "SERLIB_DATA is unset"),
        (["corpora", "check", "emodb", "-o", "size=1"], "no option 'size'"),
        (["corpora", "check", "table", "-o", "columns"], "not NAME=VALUE"),
        (["run", "04-dsnet", "-p", "seed=1", "--seed", "2"], "seed is given twice"),
        (["cost", "dsnet", "--width", "0"], "--width 0 must be at least 1"),
    ],
)
def test_mistakes_are_one_line(argv, words, capsys, monkeypatch, stand_in):
    monkeypatch.delenv("SERLIB_DATA", raising=False)
    stand_in("serlib.run", run_chapter=None)
    stand_in("serlib.papers.dsnet", cost=None)
    assert words in failure(capsys, *argv)


def test_wrong_usage_is_status_2(capsys):
    for argv in ([], ["fly"], ["corpora", "check"], ["cost", "casn"]):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 2


def test_interruption_is_status_130_and_says_how_to_go_on(emodb, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("serlib.corpora.check.inspect", interrupted)
    assert main(["corpora", "check", "emodb", "--root", str(emodb)]) == 130
    assert "goes on from there" in capsys.readouterr().err


def test_run_passes_everything_on(stand_in, monkeypatch, tmp_path):
    calls = []
    stand_in("serlib.run", run_chapter=lambda chapter, **given: calls.append((chapter, given)))
    argv = ["run", "04-dsnet", "--corpus", "emodb", "--root", "r", "--seed", "3"]
    argv += ["--profile", "paper", "--no-progress", "--output", "o", "-p", "folds=[03, 1]"]
    assert main([*argv, "-p", "lr=1e-3"]) == 0
    chapter, given = calls[0]
    assert chapter == "04-dsnet" and given["profile"] == "paper" and given["progress"] is False
    assert given["output"].name == "o"
    assert given["parameters"] == {
        "folds": ["03", 1],
        "lr": 0.001,
        "corpus": "emodb",
        "root": "r",
        "seed": 3,
    }


def test_run_leaves_the_defaults_to_the_chapter(stand_in):
    calls = []
    stand_in("serlib.run", run_chapter=lambda chapter, **given: calls.append(given))
    assert main(["run", "04-dsnet"]) == 0
    assert calls == [{"profile": None, "parameters": {}, "output": None, "progress": True}]


def test_extract_names_the_views_there_are_and_counts(stand_in, emodb, capsys):
    features = types.SimpleNamespace(utterances=["a"], left_out=[Problem("b", "bad")])
    calls = []

    def load(corpus, view, strict):
        calls.append((len(corpus.table), view, strict))
        return features

    stand_in("serlib.views", available=lambda: {"fbank-80": lambda: "the view"}, load=load)
    argv = ["extract", "emodb", "fbank-80", "--root", str(emodb), "--strict"]
    assert main(argv) == 0 and calls == [(2, "the view", True)]
    assert capsys.readouterr().out == "1 utterances in the store, 1 left out\n"
    line = failure(capsys, "extract", "emodb", "fbank", "--root", str(emodb))
    assert "no view 'fbank'; there are fbank-80" in line


def test_cost_prints_the_counts(stand_in, capsys):
    stand_in("serlib.papers.dsnet", cost=lambda width: {"parameters": 1000 * width})
    assert main(["cost", "dsnet", "--width", "64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"parameters": 64000}
    assert main(["cost", "dsnet"]) == 0
    assert capsys.readouterr().out.split() == ["parameters", "32,000"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2", -2),
        ("1e-3", 0.001),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("", None),
        ("03", "03"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("a=b", "a=b"),
        ("[anger, 2e-1, 08]", ["anger", 0.2, "08"]),
        ("'1'", "1"),
    ],
)
def test_values_are_yaml_without_its_surprises(text, value):
    given = parse_pairs([f"x={text}"], "-p")["x"]
    assert given == value and type(given) is type(value)


def test_pairs_can_set_items_of_a_mapping():
    pairs = ["columns.my.file=path", "columns.who=speaker", "audio=wav"]
    assert parse_pairs(pairs, "-o", nested=True) == {
        "columns": {"my.file": "path", "who": "speaker"},
        "audio": "wav",
    }
    assert parse_pairs(["a.b=1"], "-p") == {"a.b": 1}


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (["x"], "not NAME=VALUE"),
        (["=1"], "not NAME=VALUE"),
        (["x=[1"], "no YAML"),
        (["x=!!python/object:os.system a"], "no YAML"),
        (["x=1", "x=2"], "given twice"),
        (["x=1", "x.y=2"], "given twice"),
        (["x.y=1", "x=2"], "given twice"),
    ],
)
def test_pairs_that_cannot_be_read(pairs, words):
    with pytest.raises(ParameterError, match=words):
        parse_pairs(pairs, "-o", nested=True)


def test_the_command_line_imports_nothing_heavy():
    code = (
        "import sys, serlib.cli, serlib.corpora; "
        "heavy = {'torch', 'pandas', 'numpy', 'soundfile', 'yaml', 'pandera'} & set(sys.modules); "
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
