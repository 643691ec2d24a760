"""Every chapter keeps the rules, and the rules see a chapter that does not."""

from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_rules import problems

from serlib import parameters

HOUSE = Path(__file__).parents[2]
NOTEBOOKS = sorted((HOUSE / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_chapter_keeps_the_rules(path):
    assert problems(path) == []


@pytest.mark.skipif(not NOTEBOOKS, reason="there is no chapter yet")
@pytest.mark.parametrize("profile", ["ci", "colab", "paper"])
def test_a_profile_speaks_of_all_chapters_and_of_no_other(profile):
    content = yaml.safe_load((HOUSE / "notebooks" / "params" / f"{profile}.yml").read_text())
    assert sorted(content) == [path.stem for path in NOTEBOOKS]


ALT = {"mystnb": {"image": {"alt": "Five bars of recall, the one of anger highest."}}}
GOOD = {
    "title": new_markdown_cell("# A chapter"),
    "colab": new_code_cell(
        'import sys\nif "google.colab" in sys.modules:\n    %pip install -q "serlib[text]"',
        metadata={"tags": ["colab"]},
    ),
    "parameters": new_code_cell("width = 8\nalpha = 1.0", metadata={"tags": ["parameters"]}),
    "imports": new_code_cell(
        "import matplotlib.pyplot as plt\nfrom serlib import plots\nfrom serlib.plots import probes"
        "\nplt.style.use('ggplot')"
    ),
    "equation": new_markdown_cell("$$ a = b \\tag{4.1} $$ and $$ c = d \\tag{4.2} $$"),
    "figure": new_code_cell("plots.confusion(frame)", metadata=ALT),
    "compared": new_code_cell(
        "# NBVAL_CHECK_OUTPUT\n6 * 7",
        outputs=[new_output("execute_result", {"text/plain": "42"})],
        metadata={"tags": ["keep_output"]},
        execution_count=1,
    ),
    "claims": new_code_cell('from serlib.claims import claims_table\nclaims_table("dsnet")'),
    "first": new_markdown_cell("## Exercise 1\n\nWhy?\n\n<details>\n\nBecause.\n\n</details>"),
    "second": new_markdown_cell("## Exercise 2\n\nHow many?"),
    "answer": new_code_cell("len(fold.test)", metadata={"tags": ["solution"]}),
    "third": new_markdown_cell("## Exercise 3\n\n<details>Yes.</details>"),
    "fourth": new_markdown_cell("## Exercise 4\n\n<details>No.</details>"),
}
PAPER = '''
def first():
    """The first.

    Equation: 4.1, with a = ``x``.
    """


class Second:
    """The second.

    Equation: 4.2
    """


def other_chapters():
    """Equation: 5.1"""
'''
TESTS = "def test_equation_4_1_first():\n    ...\n\n\ndef test_equation_4_2():\n    ...\n"


@pytest.fixture
def house(tmp_path, monkeypatch):
    for folder in ("notebooks/params", "serlib/papers", "tests/equations", "book/claims"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "notebooks/params/paper.yml").write_text("04-dsnet: {width: 32}")
    (tmp_path / "serlib/papers/dsnet.py").write_text(PAPER)
    (tmp_path / "tests/equations/test_dsnet.py").write_text(TESTS)
    (tmp_path / "book/claims/dsnet.yml").write_text("")
    monkeypatch.setattr(parameters, "repository", lambda: tmp_path)
    return tmp_path


def found(house, cells=None, kernel="python3"):
    """Problems of the good chapter with some of its cells replaced (None: left out)."""
    cells = {key: cell for key, cell in (GOOD | (cells or {})).items() if cell is not None}
    metadata = {"kernelspec": {"name": kernel, "display_name": "Python 3", "language": "python"}}
    numbered = [cell | {"id": str(number)} for number, cell in enumerate(cells.values())]
    notebook = new_notebook(cells=[nbformat.from_dict(cell) for cell in numbered])
    notebook.metadata.update(metadata)
    path = house / "notebooks" / "04-dsnet.ipynb"
    nbformat.write(notebook, path)
    return problems(path)


def test_a_good_chapter_has_no_problem(house):
    assert found(house) == []


def markdown(text):
    return new_markdown_cell(text)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"parameters": None}, "parameters: 04-dsnet.ipynb: 0 cells tagged"),
        ({"more": GOOD["parameters"]}, "parameters: 04-dsnet.ipynb: 2 cells tagged"),
        (
            {"parameters": new_code_cell("alpha = 1.0", metadata={"tags": ["parameters"]})},
            "parameters: profile paper: width: 04-dsnet has no such parameter",
        ),
        (
            {"parameters": new_code_cell("width = '8'", metadata={"tags": ["parameters"]})},
            "parameters: profile paper: width: 32 is of type int",
        ),
        ({"imports": new_code_cell("x = 1", execution_count=3)}, "clean: cell 3: an execution"),
        ({"imports": new_code_cell("1", outputs=GOOD["compared"].outputs)}, "clean: nbstripout"),
        (
            {"compared": GOOD["compared"] | {"execution_count": None}},
            "clean: cell 6: no execution count",
        ),
        (
            {"compared": new_code_cell("6 * 7", outputs=GOOD["compared"].outputs)},
            "clean: cell 6: output, not compared",
        ),
        ({"compared": new_code_cell("# NBVAL_CHECK_OUTPUT\n6")}, "clean: cell 6: nothing to comp"),
        ({"figure": new_code_cell("plots.confusion(frame)")}, "alt_text: cell 5"),
        ({"figure": new_code_cell("for x in y:\n    probes(x)")}, "alt_text: cell 5"),
        ({"figure": new_code_cell("fig, ax = plt.subplots()")}, "alt_text: cell 5"),
        ({"figure": new_code_cell("frame.plot()")}, "alt_text: cell 5"),
        ({"figure": new_code_cell("frame.plot.bar()")}, "alt_text: cell 5"),
        (
            {"equation": markdown("\\tag{4.1} \\tag{4.2} \\tag{4.1}")},
            "equations: equation 4.1: numb",
        ),
        (
            {"equation": markdown("$$ a \\\\ b \\tag{4.1} $$ $$ c \\tag{4.2} $$")},
            "equations: 'a ",
        ),
        ({"equation": markdown("\\tag{4.1}")}, "equations: equation 4.2: dsnet.Second names it"),
        ({"more": markdown("\\tag{4.3}")}, "equations: equation 4.3: named by no function"),
        ({"more": markdown("\\tag{4.3}")}, "equations: equation 4.3: no test_equation_4_3"),
        ({"more": markdown("\\tag{5.1}")}, "equations: equation 5.1: not of the form 4.n"),
        ({"more": new_code_cell("!pip install torch")}, "colab: cell 13: installs, but"),
        (
            {"colab": new_code_cell("# %pip install x", metadata={"tags": ["colab"]})},
            "colab: no cell tagged colab installs",
        ),
        ({"more": new_code_cell("%pip install x", metadata={"tags": ["colab"]})}, "colab: cell 13"),
        ({"more": new_code_cell("!pip install 'numpy<3'")}, "colab: cell 13: pins torch or numpy"),
        ({"more": new_code_cell("drive.mount('/content')")}, "colab: cell 13: mounts Drive"),
        (
            {"more": markdown("text\n```{note}\nhello\n```")},
            "plain_markdown: cell 13: holds a MyST d",
        ),
        ({"more": markdown("as in {cite}`pan2023`")}, "plain_markdown: cell 13: holds a MyST role"),
        ({"more": new_code_cell("x = 1\n" * 41)}, "short_cells: cell 13: 41 lines"),
        ({"fourth": None}, "exercises: 3 exercises, fewer than 4"),
        ({"answer": None}, "exercises: exercise 2: no solution"),
        ({"answer": new_code_cell("len(fold)")}, "exercises: exercise 2: no solution"),
        ({"third": markdown("## Exercise 3\n\n## Exercise 4")}, "exercises: two exercises in one"),
        ({"claims": new_code_cell("print('58.82 %')")}, "claims: does not show"),
    ],
)
def test_a_bad_chapter_is_seen(house, cells, problem):
    assert any(line.startswith(problem) for line in found(house, cells)), found(house, cells)


def test_another_kernel_is_seen(house):
    assert found(house, kernel="my-env") == ["kernel: kernel 'my-env' is not python3"]


def test_an_equation_named_twice_or_untested_is_seen(house):
    more = '\n\ndef third():\n    """Third.\n\n    Equation: 4.1\n    """\n'
    (house / "serlib/papers/dsnet.py").write_text(PAPER + more)
    (house / "tests/equations/test_dsnet.py").write_text("def test_equation_4_11():\n    ...\n")
    assert found(house) == [
        "equations: equation 4.1: named by ['dsnet.first', 'dsnet.third'], not by one",
        "equations: equation 4.1: no test_equation_4_1 in tests/equations",
        "equations: equation 4.2: no test_equation_4_2 in tests/equations",
    ]


@pytest.mark.parametrize("part", ["protocols", "views"])
def test_an_equation_may_live_in_the_parts_that_the_first_chapters_explain(house, part):
    first, rest = PAPER.split("class Second")
    (house / "serlib" / part).mkdir()
    (house / "serlib/papers/dsnet.py").write_text("class Second" + rest)
    assert any("4.1: named by no function" in line for line in found(house))
    (house / "serlib" / part / "metrics.py").write_text(first)
    assert found(house) == []
    (house / "serlib/papers/dsnet.py").write_text(PAPER)
    assert found(house) == [
        "equations: equation 4.1: named by ['dsnet.first', 'metrics.first'], not by one"
    ]


@pytest.mark.parametrize("source", ["def draw():\n    plt.plot(1)", "plt.close()", "x = table(1)"])
def test_what_draws_nothing_needs_no_alt_text(house, source):
    assert found(house, {"figure": new_code_cell(source)}) == []
