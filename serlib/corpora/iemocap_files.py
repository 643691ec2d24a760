"""IEMOCAP's text files: what the raters wrote about each turn, and what was said in it."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from serlib.corpora.ratings import read_lines, some
from serlib.errors import Problem

CODES = {
    "ang": "anger",
    "hap": "happiness",
    "exc": "excitement",
    "sad": "sadness",
    "fru": "frustration",
    "neu": "neutral",
    "sur": "surprise",
    "fea": "fear",
    "dis": "disgust",
    "oth": "other",
}
NO_AGREEMENT = "xxx"
_NAMES = {
    "anger": "anger",
    "happiness": "happiness",
    "excited": "excitement",
    "sadness": "sadness",
    "frustration": "frustration",
    "neutral": "neutral",
    "neutral state": "neutral",
    "surprise": "surprise",
    "fear": "fear",
    "disgust": "disgust",
    "other": "other",
}
_HEAD = re.compile(r"\[\s*([\d.]+)\s*-\s*([\d.]+)\s*\]\s+(\S+)\s+(\S+)\s+\[(.*)\]\s*")
# A rater's line: C for categories or A for attributes, E for an evaluator, F or M for the actors'
# own ratings; the comment may hold anything.
_RATER = re.compile(r"([CA])-([EFM]\d+)\s*:([^(]*)(?:\(.*)?")
_GRADE = re.compile(r"\s*(val|act|dom)\s*(\S*)\s*")
_DIMENSIONS = {"val": "valence", "act": "activation", "dom": "dominance"}
_SPOKEN = re.compile(r"(Ses\w+)\s*(?:\[[^\]]*\])?\s*:\s*(.*?)\s*")


@dataclass
class Turn:
    """One turn as rated.

    Attributes:
        name: e.g. ``Ses01F_impro01_M003``.
        start: second at which it begins in the recording of the dialogue.
        end: second at which it ends there.
        code: the consensus, one of ``CODES`` or ``xxx``.
        stated: the evaluators' mean valence, activation and dominance, as the file gives them.
        labels: rater → the emotions that this rater chose, one or several.
        grades: rater → dimension → grade from 1 to 5.
    """

    name: str
    start: float
    end: float
    code: str
    stated: dict[str, float]
    labels: dict[str, list[str]] = field(default_factory=dict)
    grades: dict[str, dict[str, float]] = field(default_factory=dict)


def read_evaluation(path: Path, where: str, problems: list[Problem]) -> list[Turn]:
    """Read one dialogue's file of EmoEvaluation; what cannot be used becomes a problem."""
    turns: list[Turn] = []
    for number, line in enumerate(read_lines(path, where, problems), start=1):
        place = f"{where} line {number}"
        if not line.strip() or line.startswith("%"):
            continue
        if head := _HEAD.fullmatch(line):
            turns.append(_turn(head, place, problems))
        elif not (rated := _RATER.fullmatch(line.strip())):
            problems.append(Problem(place, f"is not understood: {line.strip()[:60]!r}", "ignored"))
        elif not turns:
            problems.append(Problem(place, "rates no turn: none has begun", "ignored"))
        else:
            kind, rater, content = rated.groups()
            _rate(turns[-1], kind, rater, content, place, problems)
    return turns


def _turn(head: re.Match, place: str, problems: list[Problem]) -> Turn:
    start, end, name, code, means = head.groups()
    numbers = [_number(part) for part in means.split(",")]
    if len(numbers) != 3 or None in numbers:
        action = "the raters' own grades are used"
        problems.append(Problem(place, f"gives no three means: {means!r}", action, "note"))
        numbers = []
    stated = dict(zip(_DIMENSIONS.values(), numbers, strict=False))
    return Turn(name, _number(start) or 0.0, _number(end) or 0.0, code.lower(), stated)


def _rate(
    turn: Turn, kind: str, rater: str, content: str, place: str, problems: list[Problem]
) -> None:
    known = turn.labels if kind == "C" else turn.grades
    where = f"{turn.name} ({kind}-{rater}, {place})"
    if rater in known:
        problems.append(Problem(where, "the rater was there before", "the first line counts"))
        return
    parts = [part.strip() for part in content.split(";") if part.strip()]
    known[rater] = _labels(parts, where, problems) if kind == "C" else {}
    if kind == "A":
        turn.grades[rater] = _grades(parts, where, problems)


def _labels(parts: list[str], where: str, problems: list[Problem]) -> list[str]:
    found = []
    for part in parts:
        if emotion := _NAMES.get(part.lower()):
            found.append(emotion)
        else:
            reason = f"the label {part!r} is none of IEMOCAP's"
            problems.append(Problem(where, reason, "this label is ignored", "note"))
    if not found:
        problems.append(Problem(where, "the rater chose no emotion", "no vote", "note"))
    return list(dict.fromkeys(found))


def _grades(parts: list[str], where: str, problems: list[Problem]) -> dict[str, float]:
    found = {}
    for part in parts:
        match = _GRADE.fullmatch(part)
        value = _number(match[2]) if match else None
        if value is None or not 1 <= value <= 5:
            reason = f"the grade {part!r} is not from 1 to 5"
            problems.append(Problem(where, reason, "this grade is ignored", "note"))
        else:
            found[_DIMENSIONS[match[1]]] = value
    missing = [name for name in _DIMENSIONS if not any(p.startswith(name) for p in parts)]
    if missing:
        reason = f"no grade for {', '.join(missing)}"
        problems.append(Problem(where, reason, "the other raters' grades are used", "note"))
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def read_transcript(path: Path, where: str, problems: list[Problem]) -> dict[str, str]:
    """Read what was said: turn → text; lines that name no turn are noted."""
    if not path.is_file():
        problems.append(Problem(where, "is missing", "its turns have no text", "note"))
        return {}
    texts, odd = {}, []
    for number, line in enumerate(read_lines(path, where, problems), start=1):
        match = _SPOKEN.fullmatch(line.strip())
        if match and match[1] not in texts:
            texts[match[1]] = match[2]
        elif line.strip():
            odd.append(f"line {number}")
    if odd:
        reason = f"names no turn, or one again: {some(odd)}"
        problems.append(Problem(where, reason, "left out of the texts", "note"))
    return {name: text for name, text in texts.items() if text}
