"""The rules that every chapter keeps: each gives a chapter's problems, one line each."""

import ast
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import nbformat
from nbstripout import strip_output

from serlib.errors import ParameterError
from serlib.parameters import checked, notebook_parameters, profile_parameters

LONGEST_CELL = 40
FEWEST_EXERCISES = 4
# Where a function may name an equation: chapters 1 and 2 explain views, chapter 3 protocols.
EXPLAINED = ("papers", "protocols", "views")
# A call of one of these makes or changes no figure.
NOT_FIGURES = {"close", "rc", "rcdefaults", "set_theme", "use", "color_palette", "set_palette"}


@dataclass
class Chapter:
    """A chapter's notebook, in its house."""

    path: Path

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @property
    def number(self) -> str:
        return str(int(self.path.stem[:2]))

    @property
    def house(self) -> Path:
        return self.path.parents[1]

    def cells(self, kind: str | None = None) -> Iterator[tuple[str, nbformat.NotebookNode]]:
        for number, cell in enumerate(self.notebook.cells):
            if kind in (None, cell.cell_type):
                yield f"cell {number}", cell

    def text(self, kind: str) -> str:
        return "\n\n".join(cell.source for _, cell in self.cells(kind))


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def code(cell) -> ast.Module:
    """The cell's Python, its shell and magic lines left out."""
    return ast.parse(re.sub(r"(?m)^(\s*)[%!].*", r"\1pass", cell.source))


def parameters(chapter: Chapter) -> Iterator[str]:
    """One cell of them, plain literals, and every profile sets only those, with their types."""
    try:
        defaults = notebook_parameters(chapter.path.stem)
    except ParameterError as error:
        yield str(error)
        return
    for path in sorted((chapter.path.parent / "params").glob("*.yml")):
        try:
            given = profile_parameters(path.stem, chapter.path.stem)
            checked(given, defaults, chapter.path.stem)
        except ParameterError as error:
            yield f"profile {path.stem}: {error}"


def clean(chapter: Chapter) -> Iterator[str]:
    """No output is kept but the ones nbval compares, which must be there."""
    stripped = strip_output(deepcopy(chapter.notebook), None, keep_count=True, keep_id=False)
    if stripped != chapter.notebook:
        yield f"nbstripout would change it; run: make refresh ({chapter.path.name})"
    for where, cell in chapter.cells("code"):
        compared = "# NBVAL_CHECK_OUTPUT" in cell.source
        if compared != bool(cell.outputs):
            yield f"{where}: " + ("nothing to compare" if compared else "output, not compared")
        if compared != bool(cell.execution_count):
            # nbval takes a cell with outputs and no count for one that was never run.
            yield f"{where}: " + ("no execution count" if compared else "an execution count")


def kernel(chapter: Chapter) -> Iterator[str]:
    """Any machine has this kernel."""
    name = chapter.notebook.metadata.get("kernelspec", {}).get("name")
    if name != "python3":
        yield f"kernel {name!r} is not python3"


def alt_text(chapter: Chapter) -> Iterator[str]:
    """Every cell that draws says in words what is to be seen."""
    for where, cell in chapter.cells("code"):
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        if _draws(cell, _figure_functions(chapter)) and len(alt.split()) < 5:
            yield f"{where}: draws without alt text (metadata mystnb.image.alt)"


def _figure_functions(chapter: Chapter) -> set[str]:
    return {
        alias.asname or alias.name
        for _, cell in chapter.cells("code")
        for node in ast.walk(code(cell))
        if isinstance(node, ast.ImportFrom) and node.module == "serlib.plots"
        for alias in node.names
    }


def _draws(cell, functions: set[str]) -> bool:
    statements = code(cell).body
    shown = [s for s in statements if not isinstance(s, ast.FunctionDef | ast.ClassDef)]
    calls = [n for s in shown for n in ast.walk(s) if isinstance(n, ast.Call)]
    for function in (call.func for call in calls):
        if isinstance(function, ast.Name) and function.id in functions:
            return True
        if isinstance(function, ast.Attribute) and function.attr not in NOT_FIGURES:
            parts = ast.unparse(function).split(".")
            if parts[-2] in {"plots", "plt", "sns"} or "plot" in parts:
                return True
    return False


def equations(chapter: Chapter) -> Iterator[str]:
    """Each numbered equation has one function that names it, and a test; and each such function."""
    for shown in re.findall(r"(?s)\$\$(.*?)\$\$", chapter.text("markdown")):
        if r"\tag" in shown and "\\\\" in shown:
            yield f"{shown[:40].strip()!r}: Sphinx splits it at \\\\, and shows none; use \\cr"
    found = re.findall(r"\\tag\{([^}]*)\}", chapter.text("markdown"))
    for number in sorted({n for n in found if found.count(n) > 1}):
        yield f"equation {number}: numbered twice"
    for number in sorted({n for n in found if not re.fullmatch(rf"{chapter.number}\.\d+", n)}):
        yield f"equation {number}: not of the form {chapter.number}.n"
    named = _equations_of_functions(chapter)
    tested = _equations_of_tests(chapter)
    for number in sorted(set(found) | named.keys()):
        if number not in found:
            yield f"equation {number}: {named[number][0]} names it, the chapter does not have it"
        elif len(named.get(number, ())) != 1:
            yield f"equation {number}: named by {named.get(number, 'no function')}, not by one"
        if number not in tested:
            test = f"test_equation_{number.replace('.', '_')}"
            yield f"equation {number}: no {test} in tests/equations"


def _equations_of_functions(chapter: Chapter) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    folders = [chapter.house / "serlib" / part for part in EXPLAINED]
    for path in [path for folder in folders for path in sorted(folder.glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                lines = re.findall(r"(?m)^\s*Equation: ([\d.]*\d)", ast.get_docstring(node) or "")
                for number in lines:
                    if number.startswith(f"{chapter.number}."):
                        named.setdefault(number, []).append(f"{path.stem}.{node.name}")
    return named


def _equations_of_tests(chapter: Chapter) -> set[str]:
    sources = (chapter.house / "tests" / "equations").glob("test_*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    pairs = re.findall(r"(?m)^def test_equation_(\d+)_(\d+)(?=[_(])", text)
    return {".".join(pair) for pair in pairs}


def colab(chapter: Chapter) -> Iterator[str]:
    """Installing is for Colab alone, happens there, and leaves what Colab brings as it is."""
    # A commented line is what jupytext makes of one that it escaped once too often.
    first = [cell for _, cell in chapter.cells("code") if "colab" in tags(cell)]
    if not any(re.search(r"(?m)^\s*[%!]pip install", cell.source) for cell in first):
        yield "no cell tagged colab installs the library"
    for where, cell in chapter.cells("code"):
        if "drive.mount" in cell.source:
            yield f"{where}: mounts Drive"
        if not re.search(r"\b(pip|conda|apt|apt-get)\b.*\binstall\b", cell.source):
            continue
        if "colab" not in tags(cell) or "google.colab" not in cell.source:
            yield f"{where}: installs, but is not the cell tagged colab that asks for google.colab"
        if re.search(r"\b(torch|torchaudio|numpy)\s*(\[.*\])?\s*[=~<>!]=?", cell.source):
            yield f"{where}: pins torch or numpy"


def plain_markdown(chapter: Chapter) -> Iterator[str]:
    """Colab shows MyST as it is written."""
    for where, cell in chapter.cells("markdown"):
        if re.search(r"(?m)^\s*(`{3,}|:{3,}|~{3,})\s*\{", cell.source):
            yield f"{where}: holds a MyST directive"
        if re.search(r"\{[a-z][a-z:-]*\}`", cell.source):
            yield f"{where}: holds a MyST role"


def short_cells(chapter: Chapter) -> Iterator[str]:
    """What is longer belongs into serlib."""
    for where, cell in chapter.cells("code"):
        if (lines := len(cell.source.splitlines())) > LONGEST_CELL:
            yield f"{where}: {lines} lines, more than {LONGEST_CELL}"


def exercises(chapter: Chapter) -> Iterator[str]:
    """Enough of them, each with a solution: folded text, or a tagged cell that is run."""
    cells = list(chapter.notebook.cells)
    heading = re.compile(r"(?m)^#+ .*\bExercise\b")
    starts = [
        i for i, c in enumerate(cells) if c.cell_type == "markdown" and heading.search(c.source)
    ]
    if sum(len(heading.findall(cells[i].source)) for i in starts) != len(starts):
        yield "two exercises in one cell"
    if len(starts) < FEWEST_EXERCISES:
        yield f"{len(starts)} exercises, fewer than {FEWEST_EXERCISES}"
    for number, (start, end) in enumerate(pairwise([*starts, len(cells)]), 1):
        part = cells[start:end]
        if not any("solution" in tags(cell) or "<details" in cell.source for cell in part):
            yield f"exercise {number}: no solution (a cell tagged solution, or <details>)"


def claims(chapter: Chapter) -> Iterator[str]:
    """A chapter of a paper shows the paper's claims from their ledger."""
    paper = chapter.path.stem.partition("-")[2].replace("-", "_")
    ledger = chapter.house / "book" / "claims" / f"{paper}.yml"
    if ledger.is_file() and "claims_table(" not in chapter.text("code"):
        yield f"does not show claims_table({paper!r})"


RULES = (
    parameters,
    clean,
    kernel,
    alt_text,
    equations,
    colab,
    plain_markdown,
    short_cells,
    exercises,
    claims,
)


def problems(path: Path) -> list[str]:
    """All problems of a notebook."""
    chapter = Chapter(path)
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(chapter)]
