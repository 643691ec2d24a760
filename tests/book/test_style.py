"""The house's rules on its own files: addresses, pages, direction and weight of imports."""

import ast
import getpass
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

HOUSE = Path(__file__).parents[2]
SERLIB = HOUSE / "serlib"

# Each part of the library, and what of it the part may not know.
LATER = {
    "corpora": {"views", "protocols", "papers", "training", "results", "claims", "run"},
    "views": {"protocols", "papers", "training", "results", "claims", "run"},
    "protocols": {"views", "papers", "training", "results", "claims", "run"},
    "papers": {"corpora", "results", "claims", "run"},
    "training": {"corpora", "papers", "results", "claims", "run"},
    "plots": {"corpora", "papers", "results", "claims", "run"},
    "results": {"claims", "run"},
}
HEAVY = ("torch", "transformers", "opensmile", "parselmouth", "lightning", "sklearn")
HEAVY += ("pandera", "seaborn", "pandas", "papermill")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: which files are the repository's is not known")
    paths = (HOUSE / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def foreign_addresses(text: str) -> list[str]:
    """Addresses of package registries, and folders that exist on somebody's machine only."""
    hosts = ["pypi" + r"\.org", "files" + r"\.python" + "hosted", "anaconda" + r"\.org"]
    hosts += ["index" + "-url", "download" + r"\.pytorch", "conda" + r"\.anaconda"]
    folders = ["/" + "work/", "/" + "root/", r"/home/(?!somebody)\w", r"/Users/(?!somebody)\w"]
    folders += ["/" + r"tmp/\w", r"[A-Z]:\\Users\\(?!somebody)"]
    return re.findall("|".join(f"(?:{part})" for part in hosts + folders), text)


def test_no_registry_address_and_no_machine_path_is_tracked():
    found = {}
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if hits := foreign_addresses(text):
            found[str(path.relative_to(HOUSE))] = sorted(set(hits))
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "-i https://" + "pypi" + ".org/simple",
        "--extra-" + "index" + "-url=x",
        "cd /" + "work/main",
        "/" + "root/.cache",
        "/" + "home/anna/data",
        "/" + "tmp/x",
    ],
)
def test_foreign_addresses_are_seen(text):
    assert foreign_addresses(text)


@pytest.mark.parametrize("text", ["book/_static", "../shared", "runs/04-dsnet", "teamwork/here"])
def test_the_houses_own_paths_are_not_foreign(text):
    assert not foreign_addresses(text)


def test_the_user_of_this_machine_is_not_named():
    user = getpass.getuser()
    if len(user) < 5:
        pytest.skip(f"{user!r} is too short a name to search for")
    for path in tracked():
        assert f"/{user}/" not in path.read_text(encoding="utf-8", errors="ignore"), path


def toc_files() -> list[str]:
    """Every page that the table of contents names."""

    def walk(node):
        if isinstance(node, dict):
            yield from (node[key] for key in ("root", "file") if key in node)
        for child in node.values() if isinstance(node, dict) else node:
            if isinstance(child, dict | list):
                yield from walk(child)

    return list(walk(yaml.safe_load((HOUSE / "_toc.yml").read_text(encoding="utf-8"))))


def test_the_contents_names_pages_that_exist_once():
    names = toc_files()
    missing = [
        n for n in names if not any((HOUSE / f"{n}{s}").is_file() for s in (".md", ".ipynb"))
    ]
    assert missing == []
    assert len(set(names)) == len(names)


def test_every_page_is_in_the_contents():
    pages = [*(HOUSE / "book").rglob("*.md"), *(HOUSE / "notebooks").glob("*.ipynb")]
    pages = {str(p.relative_to(HOUSE).with_suffix("")) for p in pages if "_static" not in p.parts}
    assert pages <= set(toc_files())


@pytest.mark.parametrize("path", sorted((HOUSE / "book").rglob("*.md")), ids=lambda p: p.stem)
def test_a_page_has_one_title(path):
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?ms)^(`{3,}|~{3,}|:{3,}).*?^\1\s*$", "", text)
    assert len(re.findall(r"(?m)^# \S", text)) == 1


def imported(source: str, package: str) -> set[str]:
    """Return the parts of serlib that a module imports, wherever in it; absolute or relative."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]) if node.level else node.module
            names += [f"{base}.{alias.name}" for alias in node.names]
    parts = [re.sub(r"\.+", ".", name).split(".") for name in names]
    return {part[1] for part in parts if part[0] == "serlib" and len(part) > 1}


@pytest.mark.parametrize("part", LATER)
def test_data_flows_one_way(part):
    modules = [SERLIB / f"{part}.py", *(SERLIB / part).rglob("*.py")]
    modules = [module for module in modules if module.is_file()]
    assert modules, f"serlib/{part} is gone: correct LATER"
    for module in modules:
        package = ".".join(module.parent.relative_to(HOUSE).parts)
        backwards = imported(module.read_text(encoding="utf-8"), package) & LATER[part]
        assert not backwards, f"{module.relative_to(HOUSE)} imports {backwards}"


def test_corpora_know_no_tensor():
    for module in (SERLIB / "corpora").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {n.split(".")[0] for n in names} & {"torch", "torchaudio"}, module


def test_papers_know_no_corpus_by_name():
    names = {p.stem for p in (SERLIB / "corpora").glob("*.py")}
    names &= {"emosynth", "emodb", "ravdess", "iemocap", "msp_improv", "meld"}
    assert names
    for module in (SERLIB / "papers").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.Constant) else None
            assert value not in names, f"{module.name} names the corpus {value}"


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("import serlib.views.store", {"views"}),
        ("from serlib.protocols.metrics import uar", {"protocols"}),
        ("from serlib import results, errors", {"results", "errors"}),
        ("def f():\n    from ..papers import dsnet", {"papers"}),
        ("from .schema import validate", {"corpora"}),
        ("from .. import papers", {"papers"}),
        ("import numpy, serlib", set()),
    ],
)
def test_imports_are_seen(source, parts):
    assert imported(source, "serlib.corpora") == parts


@pytest.mark.parametrize("module", ["serlib", "serlib.cli"])
def test_an_import_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*set({HEAVY}) & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
