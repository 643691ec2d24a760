"""What `make book` and `make test` start from. Building the book itself is `make book`'s job."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOUSE = Path(__file__).parents[2]
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = PROJECT["urls"]["Repository"]
CONSTRAINTS = (HOUSE / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in CONSTRAINTS}


def read(name: str) -> str:
    return (HOUSE / name).read_text(encoding="utf-8")


def named_requirements() -> list[Requirement]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


def closure(extras: set[str]) -> set[str]:
    """Names of all packages that serlib needs here, however indirectly."""
    seen: set[tuple[str, str]] = set()
    todo = [("serlib", extra) for extra in ("", *extras)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            needs = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:  # Not installed here, e.g. an extra nobody asked for.
            continue
        for need in needs:
            if not need.marker or need.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(need.name), e) for e in ("", *need.extras)]
    return {name for name, _ in seen} - {"serlib"}


def test_constraints_are_exact_versions_without_addresses():
    wrong = [line for line in CONSTRAINTS if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)]
    assert wrong == []
    assert sorted(PINS) == sorted(canonicalize_name(line.split("==")[0]) for line in CONSTRAINTS)


def test_every_package_that_pyproject_names_is_pinned_to_a_version_it_allows():
    for need in named_requirements():
        name = canonicalize_name(need.name)
        assert name == "serlib" or PINS.get(name, "") in need.specifier, f"{need}: {PINS.get(name)}"


def test_every_package_that_comes_along_is_pinned():
    names = closure({"book", "test", "workflow"})
    assert {"sphinx", "numpy", "nbclient"} <= names
    assert names - PINS.keys() == set()


def test_conda_gives_what_make_gives():
    environment = yaml.safe_load(read("environment.yml"))
    conda = [item for item in environment["dependencies"] if isinstance(item, str)]
    (pip,) = [item["pip"] for item in environment["dependencies"] if isinstance(item, dict)]
    assert conda == ["python=3.11", "pip"]
    assert pip == ["-c constraints.txt", "-e .[book,test]"]
    assert " ".join(pip).replace("-e .[book,test]", "-e '.[book,test]'") in read("Makefile")


def test_the_book_is_built_as_the_house_expects():
    config = yaml.safe_load(read("_config.yml"))
    assert config["only_build_toc_files"] is True
    assert ".venv" in config["exclude_patterns"]
    assert config["execute"] == {
        "execute_notebooks": "cache",
        "timeout": 600,
        "stderr_output": "remove",
    }
    for path in (
        *config["bibtex_bibfiles"],
        config["logo"],
        *config["sphinx"]["config"]["html_static_path"],
    ):
        assert (HOUSE / path).exists()
    assert "jupyter-book build . -W" in read("Makefile")


def test_the_repository_has_one_address():
    assert re.fullmatch(r"https://github\.com/[\w-]+/[\w-]+", ADDRESS)
    assert yaml.safe_load(read("_config.yml"))["repository"]["url"] == ADDRESS
    assert yaml.safe_load(read("CITATION.cff"))["repository-code"] == ADDRESS
    slug = ADDRESS.removeprefix("https://github.com/")
    assert f"colab.research.google.com/github/{slug}/blob/main/" in read("README.md")
    ours = ["README.md", "CONTRIBUTING.md", "_config.yml", "CITATION.cff"]
    for name in ours:
        assert set(addresses(read(name))) <= {slug}, name
    for path in [*(HOUSE / "book").glob("*.md"), *(HOUSE / "notebooks").glob("*.ipynb")]:
        # Other people's repositories may be cited, but ours by one address.
        same = [
            a
            for a in addresses(path.read_text(encoding="utf-8"))
            if a.endswith("/" + slug.split("/")[1])
        ]
        assert set(same) <= {slug}, path.name


def addresses(text: str) -> list[str]:
    """Return the repositories named in a text, as owner/name."""
    found = re.findall(r"github(?:\.com|usercontent\.com)?/([\w-]+/[\w.-]+)", text)
    return [name.removesuffix(".git").rstrip(".") for name in found]


def test_addresses_are_found_on_github_and_colab():
    text = "git+https://github.com/a/b.git, https://colab.research.google.com/github/c/d/blob/main"
    assert addresses(text) == ["a/b", "c/d"]


@pytest.fixture
def tree(tmp_path) -> Path:
    """The files that the Makefile's keys are made from, in little."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(HOUSE / name, tmp_path / name)
    (tmp_path / "serlib").mkdir()
    (tmp_path / "serlib" / "cache.py").write_text("x = 1\n", encoding="utf-8")
    return tmp_path


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess:
    if not shutil.which("make"):
        pytest.skip("no make here")
    # A make that runs these tests hands its own flags down.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


def variable(tree: Path, name: str) -> str:
    database = make(tree, "-pn", "help").stdout
    return re.search(rf"(?m)^{name} :?= (.*)$", database)[1]


def test_make_alone_lists_the_targets(tree):
    lines = make(tree).stdout
    for target in ("book", "test", "lint", "bench", "clean"):
        assert f"make {target}\t" in lines


def test_without_a_python_one_line_says_what_to_do(tree):
    done = make(tree, "book", "PYTHON=")
    assert done.returncode
    first = done.stderr.splitlines()[0]
    assert "Python 3.11 or 3.12 not found" in first
    assert "make PYTHON=" in first
    assert not (tree / ".venv").exists()


def test_the_setup_is_redone_when_the_pins_change(tree):
    before = variable(tree, "STAMP")
    assert variable(tree, "STAMP") == before
    with (tree / "constraints.txt").open("a", encoding="utf-8") as file:
        file.write("new==1\n")
    assert variable(tree, "STAMP") != before


@pytest.mark.parametrize(
    "path", ["serlib/cache.py", "serlib/new.py", "notebooks/params/ci.yml", "book/results/d/r.json"]
)
def test_chapters_are_executed_again_when_what_they_read_changes(tree, path):
    before = variable(tree, "INPUTS")
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text("y = 2\n", encoding="utf-8")
    changed = variable(tree, "INPUTS")
    assert changed != before
    (tree / "README.md").write_text("read by no chapter\n", encoding="utf-8")
    assert variable(tree, "INPUTS") == changed


def test_ci_can_be_run():
    assert os.access(HOUSE / ".ci" / "run", os.X_OK)
    text = read(".ci/run")
    assert "set -euo pipefail" in text
    assert re.findall(r"(?m)^stage (\w+)$", text) == ["setup", "lint", "test", "book"]
