"""RAVDESS, speech part (Livingstone and Russo 2018): its adapter."""

import re
from pathlib import Path

from serlib.corpora.corpus import Corpus, suggest
from serlib.errors import CorpusError, Problem

DESCRIPTION = "RAVDESS speech: North American English, acted, 24 speakers, 8 emotions"
LICENCE = "CC BY-NC-SA 4.0"
LABELS = ("anger", "calm", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_STATEMENTS = {"01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."}
_INTENSITIES = {"01": "normal", "02": "strong"}
_NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")
_SUFFIXES = (".wav", ".flac")


def load(root: str | Path) -> Corpus:
    """Load the audio-only speech of RAVDESS from the folder that holds ``Actor_01`` … ``Actor_24``.

    Takes the original 48 kHz WAV files as well as FLAC copies; of both, WAV. Columns of its own:
    ``intensity`` (normal, strong) and ``repetition`` (1, 2). Song and video files, which the same
    folders hold in the full release, are left aside with one note that counts them.

    Raises:
        CorpusError: the folder is not RAVDESS', or nothing in it can be used.
    """
    root = Path(root)
    if not any(root.glob("Actor_*")):
        raise CorpusError(f"ravdess: no folder Actor_01 in {root}; {suggest(root, 'ravdess')}")
    rows, problems, aside = {}, [], 0
    # Reversed, so that WAV comes before the FLAC copy of the same name.
    for path in sorted(root.glob("Actor_*/*"), reverse=True):
        where = path.relative_to(root).as_posix()
        match = _NAME.fullmatch(path.stem)
        if path.name.startswith("."):
            continue
        if match and match.group(1, 2) != ("03", "01"):
            aside += 1
        elif reason := _odd(path, match):
            problems.append(Problem(where, reason, "RAVDESS: Actor_12/03-01-06-01-02-01-12.wav"))
        elif path.stem in rows:
            problems.append(Problem(where, "is there as WAV too", "the WAV is used", "note"))
        else:
            rows[path.stem] = _row(path.stem, where, *match.groups()[2:])
    if aside:
        action = "only audio-only speech (03-01) is used"
        problems.append(Problem(root.name, f"{aside} song or video files", action, "note"))
    rows = [rows[utterance] for utterance in sorted(rows, key=lambda stem: (stem[-2:], stem))]
    return Corpus.build("ravdess", root, rows, licence=LICENCE, labels=LABELS, problems=problems)


def _odd(path: Path, match: re.Match | None) -> str:
    if not match or path.suffix.lower() not in _SUFFIXES:
        return "is no RAVDESS recording"
    if match[3] == "01" and match[4] == "02":
        return "claims a strong neutral, which RAVDESS does not have"
    if path.parent.name != f"Actor_{match[7]}":
        return f"lies in the folder of another actor than {match[7]}"
    return ""


def _row(
    utterance: str, path: str, emotion: str, intensity: str, statement: str, take: str, actor: str
) -> dict:
    return {
        "utterance": utterance,
        "path": path,
        "text": _STATEMENTS[statement],
        "speaker": actor,
        "gender": "male" if int(actor) % 2 else "female",
        "language": "en",
        "emotion": _EMOTIONS[emotion],
        "intensity": _INTENSITIES[intensity],
        "repetition": int(take),
    }
