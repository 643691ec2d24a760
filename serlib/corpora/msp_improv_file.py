"""MSP-IMPROV's file of evaluations: the consensus on each turn, and every rater's own line."""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from serlib.corpora.ratings import DIMENSIONS, count, moments, read_lines
from serlib.errors import Problem

CODES = {"A": "anger", "H": "happiness", "S": "sadness", "N": "neutral", "O": "other"}
NO_AGREEMENT = "X"
_NAMES = {
    "angry": "anger",
    "happy": "happiness",
    "sad": "sadness",
    "neutral": "neutral",
    "other": "other",
}
_GRADES = r"A:([^;]*);\s*V:([^;]*);\s*D:([^;]*);\s*N:([^;]*);?"
_HEAD = re.compile(rf"(?:UTD|MSP)-IMPROV-(\S+)\.avi\s*;\s*(\w*)\s*;\s*{_GRADES}")
# Rater, the one emotion, all emotions that were noticed, and the grades.
_RATER = re.compile(rf"([^;]+);([^;]*);(.*?){_GRADES}")
_KEYS = (*DIMENSIONS[:2], "dominance", "naturalness")


@dataclass
class Evaluation:
    """One turn as rated: its name without prefix, the consensus letter, and the raters' lines."""

    name: str
    code: str
    choices: dict[str, str] = field(default_factory=dict)
    grades: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in _KEYS})
    skipped: dict[str, int] = field(default_factory=dict)
    raters: set[str] = field(default_factory=set)

    def columns(self, problems: list[Problem]) -> dict:
        """Return emotion, votes, raters, and the mean and variance of each dimension."""
        name = f"MSP-IMPROV-{self.name}"
        if self.code not in (*CODES, NO_AGREEMENT):
            reason = f"unknown emotion {self.code!r}"
            problems.append(Problem(name, reason, "its emotion is left NA", "note"))
        if not self.choices:
            problems.append(Problem(name, "no rater chose an emotion", "no votes", "note"))
        for key in (key for key in self.skipped if key in DIMENSIONS):
            reason = f"some raters left {key} out"
            problems.append(Problem(name, reason, "the others' grades are used", "note"))
        natural = self.grades["naturalness"]
        return {
            "emotion": CODES.get(self.code),
            "votes": count(self.choices.values()) or None,
            "raters": len(self.choices),
            "naturalness": math.fsum(natural) / len(natural) if natural else math.nan,
            **moments(self.grades),
        }


def read_evaluations(path: Path, problems: list[Problem]) -> list[Evaluation]:
    """Read the file; what cannot be used becomes a problem.

    The file counts activation downwards, 1 is the most active; here 5 is, as elsewhere.
    """
    found: list[Evaluation] = []
    for number, line in enumerate(read_lines(path, path.name, problems), start=1):
        place, text = f"{path.name} line {number}", line.strip()
        if not text:
            continue
        if head := _HEAD.fullmatch(text):
            found.append(Evaluation(head[1], head[2].upper()))
        elif not (rated := _RATER.fullmatch(text)):
            problems.append(Problem(place, f"is not understood: {text[:60]!r}", "ignored"))
        elif not found:
            problems.append(Problem(place, "rates no turn: none has begun", "ignored"))
        else:
            rater, choice, _, *grades = (part.strip() for part in rated.groups())
            _rate(found[-1], rater, choice, grades, place, problems)
    return found


def _rate(
    turn: Evaluation,
    rater: str,
    choice: str,
    grades: list[str],
    place: str,
    problems: list[Problem],
) -> None:
    where = f"MSP-IMPROV-{turn.name} ({rater}, {place})"
    if rater in turn.raters:
        # Public code found such lines to be copies.
        action = "the first line counts"
        problems.append(Problem(where, "the rater was there before", action, "note"))
        return
    turn.raters.add(rater)
    if emotion := _NAMES.get(choice.lower()):
        turn.choices[rater] = emotion
    else:
        reason = f"the label {choice!r} is none of MSP-IMPROV's"
        problems.append(Problem(where, reason, "no vote", "note"))
    for key, text in zip(_KEYS, grades, strict=True):
        value = _number(text)
        if math.isnan(value):
            turn.skipped[key] = turn.skipped.get(key, 0) + 1
        elif not 1 <= value <= 5:
            reason = f"the grade of {key} {text!r} is not from 1 to 5"
            problems.append(Problem(where, reason, "this grade is ignored", "note"))
        else:
            turn.grades[key].append(6 - value if key == "activation" else value)


def _number(text: str) -> float:
    """Read a grade: NaN if it is left out, and 0, which no scale has, if it is no number."""
    try:
        return float(text) if text else math.nan
    except ValueError:
        return 0.0
