"""Run a chapter: its notebook, with parameters that are checked before anything starts."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serlib.errors import SerlibError
from serlib.parameters import (
    chapters,
    checked,
    find_chapter,
    notebook_parameters,
    profile_parameters,
)

__all__ = ["chapters", "notebook_parameters", "run_chapter"]


def run_chapter(
    chapter: str,
    *,
    profile: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: Path | str | None = None,
    progress: bool = True,
) -> Path:
    """Execute a chapter's notebook and keep it, with its records beside it.

    Parameters come from the notebook's own defaults, then the profile, then ``parameters``.

    Args:
        chapter: ``"04-dsnet"``, ``"04"`` or ``"dsnet"``.
        profile: a file of ``notebooks/params``; by default the notebook's defaults (``ci``).
        parameters: the notebook's parameters by name; ``seed`` sets ``seeds`` to that one where a
            notebook has only those, and a relative root is taken from the current folder.
        output: folder of the run, by default ``runs/<chapter>/<UTC time>``. Records go to its
            ``records``. Given again, the notebook skips the runs whose records are there.
        progress: show a bar of cells, and what the cells print.

    Returns:
        The executed notebook, saved as it goes.

    Raises:
        ParameterError: no such chapter, profile or parameter, or a value of another type.
        SerlibError: a cell stopped; the notebook up to there is kept.
    """
    notebook = find_chapter(chapter)
    given = profile_parameters(profile, notebook.stem) | dict(parameters or {})
    defaults = notebook_parameters(notebook.stem)
    given = checked(given, defaults, notebook.stem)
    if "profile" in defaults and profile is not None:
        given["profile"] = profile
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = Path(output or Path("runs") / notebook.stem / stamp).expanduser().resolve()
    if "output" in defaults:
        given["output"] = str(folder / "records")
    executed = folder / notebook.name
    _execute(notebook, executed, given, progress)
    return executed


def _execute(notebook: Path, executed: Path, given: dict[str, Any], progress: bool) -> None:
    try:
        from nbclient.exceptions import DeadKernelError
        from papermill import PapermillExecutionError, execute_notebook
    except ImportError as error:
        raise SerlibError(f"{error.name}: not installed; pip install 'serlib[run]'") from error
    executed.parent.mkdir(parents=True, exist_ok=True)
    shown = sys.stderr if progress else None
    try:
        with _kernel_environment():
            execute_notebook(
                str(notebook),
                str(executed),
                parameters=given,
                kernel_name="python3",
                language="python",
                cwd=str(notebook.parent),
                progress_bar=progress,
                stdout_file=shown,
                stderr_file=shown,
            )
    except PapermillExecutionError as error:
        reason = (str(error.evalue).splitlines() or [""])[0]
        raise SerlibError(
            f"{notebook.stem}: cell In [{error.exec_count}] stopped with {error.ename}: {reason}; "
            f"the notebook up to there is {executed}"
        ) from error
    except DeadKernelError as error:
        raise SerlibError(
            f"{notebook.stem}: its kernel died, most often for want of memory; the notebook up to "
            f"there is {executed}"
        ) from error


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """What the kernel inherits: this interpreter's kernel first, and folders made absolute."""
    before = dict(os.environ)
    # A python3 kernel in the user's own folder may belong to another interpreter.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    for name in ("SERLIB_DATA", "SERLIB_CACHE"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().resolve())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
