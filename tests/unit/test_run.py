"""A chapter runs with the parameters it is given, and refuses others before it starts."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from serlib import parameters as chapter_parameters
from serlib import run
from serlib.errors import ParameterError, SerlibError
from serlib.run import chapters, notebook_parameters, run_chapter

DEFAULTS = """\
corpus = "emosynth"  # a comment with an = sign
root = None
width = 8
alpha = 1.0
resume: bool = True
emotions = [
    "anger",
    "neutral",
]
folds = None
seeds = [0]
output = "runs"
"""
SHOW = """\
import json, os, sys
from pathlib import Path
print("working")
Path(output).mkdir(parents=True)
seen = dict(corpus=corpus, root=root, width=width, alpha=alpha, resume=resume, emotions=emotions,
            folds=folds, seeds=seeds)
process = dict(cwd=os.getcwd(), python=sys.executable, data=os.environ.get("SERLIB_DATA"))
Path(output, "seen.json").write_text(json.dumps({"seen": seen, "process": process}))
"""


def a_notebook(folder, name, *sources, parameters=DEFAULTS):
    cells = [new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    nbformat.write(
        new_notebook(cells=cells + [new_code_cell(source) for source in sources]),
        folder / "notebooks" / f"{name}.ipynb",
    )


@pytest.fixture
def house(tmp_path, monkeypatch):
    house = tmp_path / "house"
    (house / "notebooks" / "params").mkdir(parents=True)
    a_notebook(house, "04-dsnet", SHOW)
    (house / "notebooks" / "params" / "paper.yml").write_text("04-dsnet: {width: 32, alpha: 0.5}")
    monkeypatch.setattr(chapter_parameters, "repository", lambda: house)
    monkeypatch.chdir(tmp_path)
    return house


@pytest.fixture
def executed(monkeypatch):
    """What would be executed, for tests that need no kernel."""
    calls = []
    monkeypatch.setattr(run, "_execute", lambda *arguments: calls.append(arguments))
    return calls


def test_a_chapter_runs_with_what_it_is_given(house, tmp_path, monkeypatch, capfd):
    import json

    monkeypatch.setenv("SERLIB_DATA", "data")
    before = dict(os.environ)
    parameters = {"root": "copy", "emotions": ("sadness",), "folds": ["03"], "seed": 7}
    path = run_chapter("dsnet", profile="paper", parameters=parameters | {"alpha": 2}, output="out")
    assert path == tmp_path / "out" / "04-dsnet.ipynb"
    result = json.loads((tmp_path / "out" / "records" / "seen.json").read_text())
    assert result["seen"] == {
        "corpus": "emosynth",
        "root": str(tmp_path / "copy"),
        "width": 32,
        "alpha": 2.0,
        "resume": True,
        "emotions": ["sadness"],
        "folds": ["03"],
        "seeds": [7],
    }
    assert result["process"] == {
        "cwd": str(house / "notebooks"),
        "python": sys.executable,
        "data": str(tmp_path / "data"),
    }
    assert dict(os.environ) == before
    assert "working" in str(nbformat.read(path, as_version=4).cells[-1].outputs)
    shown = capfd.readouterr().err
    assert "working" in shown and "Executing" in shown


def test_a_failing_cell_is_one_line_and_keeps_the_notebook(house, tmp_path):
    a_notebook(
        house, "05-bad", "kept = 6 * 7\nkept", "raise KeyError('one\\ntwo')", "print('never')"
    )
    with pytest.raises(SerlibError) as caught:
        run_chapter("05", output=tmp_path / "out", progress=False)
    line = str(caught.value)
    assert "05-bad: cell In [4] stopped with KeyError: 'one" in line and "\n" not in line
    path = tmp_path / "out" / "05-bad.ipynb"
    assert str(path) in line
    text = path.read_text()
    assert '"42"' in text and "never\\n" not in text


def test_a_dead_kernel_is_one_line(house, tmp_path):
    a_notebook(house, "06-dead", "import os; os._exit(1)")
    with pytest.raises(SerlibError, match="06-dead: its kernel died"):
        run_chapter("06", output=tmp_path / "out", progress=False)
    assert (tmp_path / "out" / "06-dead.ipynb").is_file()


def test_parameters_are_read_as_values(house):
    assert notebook_parameters("04") == {
        "corpus": "emosynth",
        "root": None,
        "width": 8,
        "alpha": 1.0,
        "resume": True,
        "emotions": ["anger", "neutral"],
        "folds": None,
        "seeds": [0],
        "output": "runs",
    }


@pytest.mark.parametrize(
    "source", ["width = 2 * 4", "import os", "%matplotlib inline", "a.b = 1", "width += 1"]
)
def test_parameters_that_are_not_literals_are_refused(house, source):
    a_notebook(house, "07-odd", parameters=source)
    with pytest.raises(ParameterError, match=r"07-odd\.ipynb: its parameters cell"):
        notebook_parameters("07")


def test_one_parameters_cell(house):
    nbformat.write(new_notebook(), house / "notebooks" / "08-none.ipynb")
    with pytest.raises(ParameterError, match="0 cells tagged 'parameters'"):
        notebook_parameters("08")


@pytest.mark.parametrize("name", ["04-dsnet", "04", "dsnet"])
def test_a_chapter_is_named_three_ways(house, executed, name):
    run_chapter(name)
    assert executed[0][0] == house / "notebooks" / "04-dsnet.ipynb"


@pytest.mark.parametrize("name", ["05-casn", "4", "", "../04-dsnet", "04-dsnet.ipynb"])
def test_an_unknown_chapter_lists_the_chapters(house, name):
    assert chapters() == ["04-dsnet"]
    with pytest.raises(ParameterError, match="no such chapter; there are: 04-dsnet"):
        run_chapter(name)


def test_an_unknown_profile_lists_the_profiles(house, executed):
    for name in ("papr", "../params/paper", ""):
        with pytest.raises(ParameterError, match="no such profile; there are: paper"):
            run_chapter("04", profile=name)
    assert not executed


@pytest.mark.parametrize("content", ["", "05-casn: {}", "04-dsnet: 3", "- 04-dsnet", "04-dsnet: {"])
def test_a_profile_without_the_chapter_is_refused(house, executed, content):
    (house / "notebooks" / "params" / "half.yml").write_text(content)
    with pytest.raises(ParameterError, match=r"half\.yml: (has no parameters for|not YAML)"):
        run_chapter("04", profile="half")
    assert not executed


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"widht": 32}, "widht: 04-dsnet has no such parameter; did you mean width\\?"),
        ({"zzz": 32}, "zzz: 04-dsnet has no such parameter; it has: corpus, root"),
        ({"width": "32"}, "width: '32' is of type str; it must be int"),
        ({"width": 32.0}, "width: 32.0 is of type float; it must be int"),
        ({"width": True}, "width: True is of type bool; it must be int"),
        ({"width": None}, "width: None is of type NoneType; it must be int"),
        ({"alpha": "1e-3"}, "alpha: '1e-3' is of type str; it must be float"),
        ({"alpha": True}, "alpha: True is of type bool; it must be float"),
        ({"resume": 1}, "resume: 1 is of type int; it must be bool"),
        ({"corpus": 3}, "corpus: 3 is of type int; it must be str"),
        ({"emotions": "anger"}, "emotions: 'anger' is of type str; it must be list"),
        ({"emotions": ["anger", 3]}, "emotions\\[1\\]: 3 is of type int; it must be str"),
        ({"seed": "0"}, "seeds\\[0\\]: '0' is of type str; it must be int"),
        ({"output": "elsewhere"}, "output: .*--output"),
    ],
)
def test_a_wrong_parameter_is_refused_before_anything_starts(house, executed, parameters, named):
    with pytest.raises(ParameterError, match=named) as caught:
        run_chapter("04", parameters=parameters, output="out")
    assert "\n" not in str(caught.value)
    assert not executed and not Path("out").exists()


def test_a_wrong_parameter_of_a_profile_is_refused_too(house, executed):
    (house / "notebooks" / "params" / "slip.yml").write_text("04-dsnet: {alpha: 1e-3}")
    with pytest.raises(ParameterError, match="alpha: '1e-3' is of type str"):
        run_chapter("04", profile="slip")
    assert not executed


def test_what_is_given_wins_over_the_profile_and_that_over_the_default(house, executed):
    run_chapter("04", profile="paper", parameters={"alpha": 3, "root": None})
    given = executed[0][2]
    assert (given["width"], given["alpha"], given["root"]) == (32, 3.0, None)
    assert isinstance(given["alpha"], float)
    assert "emotions" not in given and "profile" not in given


def test_a_notebook_that_asks_is_told_its_profile(house, executed):
    a_notebook(house, "09-score", parameters='profile = "ci"')
    (house / "notebooks" / "params" / "paper.yml").write_text("09-score: {}")
    run_chapter("09", profile="paper")
    run_chapter("09")
    assert executed[0][2] == {"profile": "paper"} and executed[1][2] == {}


def test_a_run_has_its_own_folder(house, executed, tmp_path):
    run_chapter("04")
    _, path, given, _ = executed[0]
    folder = tmp_path / "runs" / "04-dsnet"
    assert path.parent.parent == folder and path.name == "04-dsnet.ipynb"
    assert given["output"] == str(path.parent / "records")
