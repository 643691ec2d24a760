"""EmoSynth, the embedded corpus: synthetic emotional dialogues, made on this machine when asked.

See ``book/datasheets/emosynth.md`` for what it is, and what it must not be used for.
"""

import hashlib
import json
import zlib
from importlib.metadata import version
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from serlib.cache import cache_dir
from serlib.corpora import emosynth_people as people
from serlib.corpora import emosynth_script as script
from serlib.corpora.emosynth_make import make, whole
from serlib.errors import CorpusError

if TYPE_CHECKING:
    from serlib.corpora.corpus import Corpus

LICENCE = "CC0-1.0 (made by this project; eSpeak NG is GPL software, its output is not)"
LABELS = people.EMOTIONS
DESCRIPTION = "Synthetic English dialogues (eSpeak), 10 speakers, 6 emotions, made on this machine"
# Turns a speaker and emotion: in the studio, and in the room.
SIZES = {"tiny": (1, 1), "small": (8, 3), "full": (20, 8)}


def load(
    root: str | Path | None = None, seed: int = 0, size: str = "small", progress: bool = False
) -> "Corpus":
    """Load EmoSynth; the first time, speak and save it.

    Args:
        root: folder to keep it in; None is the cache.
        seed: any whole number; the same seed gives the same bytes.
        size: ``"small"`` (680 turns) or ``"full"`` (1750 turns); ``"tiny"`` serves the tests.
        progress: show a bar while it is made.

    Returns:
        A ``Corpus`` whose extra columns are ``condition`` (studio or room), ``scenario``
        (improvised or scripted) and the latent truth, ``true_*``.

    Raises:
        CorpusError: the size or seed is unknown, or the corpus cannot be made.
        StoreError: the disk is full or the folder cannot be written.
    """
    from serlib.corpora.corpus import Corpus
    from serlib.corpora.schema import validate

    if size not in SIZES:
        raise CorpusError(f"emosynth: unknown size {size!r}; use one of {', '.join(SIZES)}")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise CorpusError(f"emosynth: seed {seed!r} is not a whole number from 0 on; give one")
    folder = Path(root or cache_dir("corpora")) / f"emosynth-{size}-{seed}-{_fingerprint()}"
    if not whole(folder):
        make(plan(int(seed), size), folder, progress)
    return Corpus("emosynth", folder, validate(_read(folder), folder, "emosynth"), LICENCE, LABELS)


def plan(seed: int, size: str) -> list[dict]:
    """Draw every turn: who, what, how, and what the raters make of it; no sound yet.

    Returns:
        Rows as in the table, plus ``cues`` (see ``emosynth_people.CUES``) and ``seed``.
    """
    lines = script.lines()
    rng = np.random.default_rng([seed, 0])
    biases = rng.normal(0, 0.35, (people.RATERS, 3))
    habits = {speaker.name: people.habits(rng) for speaker in people.SPEAKERS}
    rows = []
    for session in dict.fromkeys(speaker.session for speaker in people.SPEAKERS):
        said: set[str] = set()
        for condition, each in zip(("studio", "room"), SIZES[size], strict=True):
            order = script.emotions_in_turn(each, rng)
            for row in script.dialogues(session, condition, order):
                parts = people.mixture(row["true_emotion"], rng)
                text, carried = script.words(row, parts, said, lines, rng)
                cues = people.express(parts, habits[row["speaker"]], rng)
                judged = people.judge(parts, biases, rng)
                rows.append(
                    row
                    | {"text": text, **judged, "true_words": carried, **_truth(parts, row, cues)}
                    | {"cues": cues, "seed": [seed, zlib.crc32(row["utterance"].encode())]}
                )
    return rows


def _truth(parts, row, cues):
    speaker = next(s for s in people.SPEAKERS if s.name == row["speaker"])
    grades = dict(zip(("activation", "valence", "dominance"), parts @ people.GRADES, strict=True))
    mixture = dict(zip((f"mixture_{e}" for e in LABELS), parts, strict=True))
    voice = {"f0": speaker.f0, "formants": speaker.formants, "wpm": speaker.rate}
    truth = grades | mixture | voice | cues
    return {f"true_{name}": round(float(value), 4) for name, value in truth.items()}


def _fingerprint() -> str:
    """Name what the sound depends on, so that a cached corpus is never stale."""
    digest = hashlib.sha256(version("praat-parselmouth").encode())
    for file in sorted(Path(__file__).parent.glob("emosynth*")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _read(folder: Path):
    import pandas as pd

    text = (folder / "table.jsonl").read_text(encoding="utf-8")
    table = pd.DataFrame([json.loads(line) for line in text.splitlines()]).set_index("utterance")
    gender = {speaker.name: speaker.gender for speaker in people.SPEAKERS}
    return table.assign(
        path=[f"wav/{utterance}.wav" for utterance in table.index],
        start=np.nan,
        end=np.nan,
        gender=table["speaker"].map(gender),
        language="en",
        split=pd.NA,
    )
