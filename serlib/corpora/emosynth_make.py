"""Making EmoSynth: every turn spoken by fresh processes, and the folder whole or not there."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from serlib.errors import CorpusError, StoreError

BLOCK = 40  # turns spoken by one process


def whole(folder: Path) -> bool:
    """Tell whether a corpus is there with all its files (a cache may have been tidied)."""
    table = folder / "table.jsonl"
    if not table.is_file():
        return False
    turns = table.read_bytes().count(b"\n")
    return sum(1 for _ in (folder / "wav").glob("*.wav")) == turns


def make(rows: list[dict], folder: Path, progress: bool) -> None:
    """Make a corpus beside its final place and move it there whole, so none is half-made.

    Args:
        rows: every turn, as ``emosynth.plan`` gives them.
        folder: where it is to be.
        progress: show a bar.

    Raises:
        CorpusError: the voice failed.
        StoreError: the disk is full or the folder cannot be written.
    """
    partial = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and not whole(folder):  # Damaged.
            shutil.rmtree(folder)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
        (partial / "wav").mkdir()
        _speak_all(rows, partial / "wav", progress)
        _write(rows, partial / "table.jsonl")
        partial.chmod(0o755)
        partial.rename(folder)
    except OSError as error:
        # Another process may have made the same corpus meanwhile: the same, byte for byte.
        if not whole(folder):
            raise StoreError(
                f"{folder}: cannot be written ({error.strerror or error}); free some space, or "
                "point SERLIB_CACHE at a folder that can be written"
            ) from error
    finally:
        if partial:
            shutil.rmtree(partial, ignore_errors=True)


def _speak_all(rows: list[dict], folder: Path, progress: bool) -> None:
    from joblib import cpu_count
    from tqdm.auto import tqdm

    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "serlib.corpora.emosynth_voice", str(folder)]
    bar = tqdm(total=len(rows), desc="EmoSynth", unit="turn", disable=not progress)

    def block(start: int) -> None:
        keys = ("utterance", "speaker", "session", "condition", "text", "cues", "seed")
        turns = [{key: row[key] for key in keys} for row in rows[start : start + BLOCK]]
        done = subprocess.run(
            command,
            input="\n".join(map(json.dumps, turns)),
            capture_output=True,
            text=True,
            env=environment,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise CorpusError(f"emosynth: turns {start}… cannot be spoken ({reason}); try again")
        bar.update(len(turns))

    with bar, ThreadPoolExecutor(cpu_count()) as pool:
        list(pool.map(block, range(0, len(rows), BLOCK)))


def _write(rows: list[dict], path: Path) -> None:
    kept = ({k: v for k, v in row.items() if k not in ("cues", "seed")} for row in rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
