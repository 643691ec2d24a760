"""Execute notebooks and keep only what nbval compares: ``make refresh``.

Every other output and execution count is taken away, so that a notebook's history shows what was
written and not what was run.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbstripout import strip_output


def refresh(path: Path) -> None:
    """Execute a notebook in its own folder and write it back, clean."""
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    # Timings would be kept in the cells, where no stripping by default looks for them.
    options = {"timeout": 600, "kernel_name": "python3", "record_timing": False}
    NotebookClient(notebook, resources=where, **options).execute()
    strip_output(notebook, None, keep_count=True, keep_id=False)
    for cell in notebook.cells:
        if cell.cell_type == "code" and not cell.outputs:
            cell.execution_count = None
    for number, cell in enumerate(c for c in notebook.cells if c.get("outputs")):
        # nbval takes a cell without a count for one that was never run.
        cell.execution_count = number + 1
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number + 1
    notebook.metadata = {"kernelspec": notebook.metadata.kernelspec}
    nbformat.write(notebook, path)
    print(f"{path}: executed")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name).resolve())
