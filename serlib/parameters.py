"""A chapter's parameters: found, read and checked before anything starts."""

import ast
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from serlib.environment import repository
from serlib.errors import ParameterError


def chapters() -> list[str]:
    """Return the names of the chapters' notebooks, in order."""
    folder = repository() / "notebooks"
    return sorted(path.stem for path in folder.glob("[0-9][0-9]-*.ipynb"))


def notebook_parameters(chapter: str) -> dict[str, Any]:
    """Return a chapter's parameters and their defaults, from its cell tagged ``parameters``.

    Raises:
        ParameterError: no such chapter, or its parameters are not plain assignments of literals.
    """
    import nbformat

    path = find_chapter(chapter)
    cells = nbformat.read(path, as_version=4).cells
    tagged = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ParameterError(f"{path.name}: {len(tagged)} cells tagged 'parameters'; tag one")
    # Papermill's own inspection reads lines with a pattern and gives values as text.
    try:
        return dict(_assigned(node) for node in ast.parse(tagged[0].source).body)
    except (SyntaxError, ValueError) as error:
        raise ParameterError(
            f"{path.name}: its parameters cell must hold only `name = literal` lines ({error})"
        ) from error


def _assigned(node: ast.stmt) -> tuple[str, Any]:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    if not isinstance(target, ast.Name) or not isinstance(node, ast.Assign | ast.AnnAssign):
        raise ValueError(f"line {node.lineno} is not one")
    return target.id, ast.literal_eval(node.value)


def find_chapter(chapter: str) -> Path:
    """Return a chapter's notebook, by its name, number or short name.

    Raises:
        ParameterError: no such chapter (lists them).
    """
    for name in (names := chapters()):
        if chapter in (name, *name.split("-", 1)):
            return repository() / "notebooks" / f"{name}.ipynb"
    raise ParameterError(f"{chapter}: no such chapter; there are: {', '.join(names) or 'none'}")


def profile_parameters(name: str | None, chapter: str) -> dict[str, Any]:
    """Return a profile's parameters for a chapter, as its file has them; none for None.

    Raises:
        ParameterError: no such profile (lists them), or it says nothing of the chapter.
    """
    import yaml

    if name is None:
        return {}
    files = {path.stem: path for path in (repository() / "notebooks" / "params").glob("*.yml")}
    if name not in files:
        raise ParameterError(f"{name}: no such profile; there are: {', '.join(sorted(files))}")
    try:
        content = yaml.safe_load(files[name].read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ParameterError(f"{files[name]}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict) or not isinstance(content.get(chapter), dict):
        raise ParameterError(
            f"{files[name]}: has no parameters for {chapter}; add `{chapter}: {{}}`"
        )
    return content[chapter]


def checked(given: dict[str, Any], defaults: dict[str, Any], chapter: str) -> dict[str, Any]:
    """Return parameters with the defaults' types and absolute roots.

    Raises:
        ParameterError: an unknown name (with the nearest one), or a value of another type.
    """
    if "output" in given:
        raise ParameterError(
            "output: set by run_chapter(output=...), or --output; not as parameter"
        )
    if "seed" in given and "seed" not in defaults and "seeds" in defaults:
        given = {k: v for k, v in given.items() if k != "seed"} | {"seeds": [given["seed"]]}
    for name in given:
        if name not in defaults:
            near = get_close_matches(name, defaults, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ParameterError(
                f"{name}: {chapter} has no such parameter; {hint}it has: {', '.join(defaults)}"
            )
    given = {name: _typed(value, defaults[name], name) for name, value in given.items()}
    for name, value in given.items():
        # The notebook runs in its own folder, not in the caller's.
        if (name == "root" or name.endswith("_root")) and isinstance(value, str):
            given[name] = str(Path(value).expanduser().resolve())
    return given


def _typed(value: Any, default: Any, name: str) -> Any:
    """Return a value of the default's type, or refuse it; a default of None takes anything."""
    wanted = type(default)
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, tuple):
        value = list(value)
    if wanted is float and type(value) is int:
        # One number, one spelling: records are found again by their parameters.
        return float(value)
    if default is not None and type(value) is not wanted:
        raise ParameterError(
            f"{name}: {value!r} is of type {type(value).__name__}; it must be {wanted.__name__}, "
            f"like the chapter's {default!r}"
        )
    if wanted is list and default:
        return [_typed(item, default[0], f"{name}[{i}]") for i, item in enumerate(value)]
    return value
