"""DailyDialog (Li et al. 2017): dialogues written for learners of English, text only."""

from pathlib import Path

import pandas as pd

from serlib.corpora.corpus import Corpus
from serlib.errors import CorpusError, Problem

DESCRIPTION = "DailyDialog: English, written everyday dialogues, text only, 7 emotions"
LICENCE = "CC BY-NC-SA 4.0"
LABELS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")

_DIGITS = {str(digit): emotion for digit, emotion in enumerate(LABELS)}
_SPLITS = {"train": "train", "validation": "dev", "test": "test"}
_END = "__eou__"


def load(root: str | Path) -> Corpus:
    """Load DailyDialog from the folder that holds ``train``, ``validation`` and ``test``.

    One row a turn. Its id counts lines and turns from 0: ``train-00007-02`` is the third turn of
    the eighth line. The corpus names nobody, so ``speaker`` is NA: who of the 13 118 dialogues'
    people are the same is unknown. Its own column ``role`` is A for the first turn of a dialogue
    and alternates from there, as the dialogues are of two people who take turns.

    A line whose turns and labels differ in number is left out whole, since nobody knows which
    label is missing; so is one with an unknown label, without turns, or that is not UTF-8. Of a
    dialogue with an empty turn the other turns stay, with their numbers and roles. Each is a
    ``Problem``.

    Raises:
        CorpusError: a file is missing, two files of a split differ in length, or nothing is left.
    """
    root, problems = Path(root), []
    frames = [_split(root, folder, problems) for folder in _SPLITS]
    rows = pd.concat(frames, ignore_index=True)
    return Corpus.build(
        "dailydialog", root, rows, licence=LICENCE, labels=LABELS, problems=problems
    )


def _split(root: Path, folder: str, problems: list[Problem]) -> pd.DataFrame:
    files = [f"{folder}/dialogues_{kind}{folder}.txt" for kind in ("", "emotion_")]
    texts, labels = (_lines(root, file) for file in files)
    if len(texts) != len(labels):
        raise CorpusError(
            f"dailydialog: {files[0]} has {len(texts)} lines, {files[1]} has {len(labels)}, so "
            "they cannot be matched; restore the original files"
        )
    split, rows = _SPLITS[folder], []
    for line, (text, label) in enumerate(zip(texts, labels, strict=True)):
        try:
            turns, emotions = _dialogue(text, label, files, line)
        except _BadLineError as error:
            problems.append(error.args[0])
            continue
        dialogue = f"{split}-{line:05d}"
        for turn, (words, emotion) in enumerate(zip(turns, emotions, strict=True)):
            if words:
                rows.append((f"{dialogue}-{turn:02d}", words, dialogue, turn, emotion))
            else:
                where = f"{files[0]} line {line + 1} (index {line}), turn {turn}"
                action = "left out; the dialogue's other turns are kept"
                problems.append(Problem(where, "the turn is empty", action))
    frame = pd.DataFrame(rows, columns=["utterance", "text", "dialogue", "turn", "emotion"])
    roles = frame["turn"].mod(2).map({0: "A", 1: "B"})
    return frame.assign(language="en", split=split, role=roles)


class _BadLineError(Exception):
    """Carries the problem of a line that cannot be used."""


def _dialogue(
    text: bytes, label: bytes, files: list[str], line: int
) -> tuple[list[str], list[str]]:
    """The turns and emotions of one line."""
    place, action = f"line {line + 1} (index {line})", "the line is left out"
    words, digits = (_decode(x, f"{f} {place}") for x, f in zip((text, label), files, strict=True))
    # The last turn ends in the mark too; without it the rest of the line is still a turn.
    turns = [turn.strip() for turn in words.strip().removesuffix(_END).split(_END)]
    digits = digits.split()
    if turns == [""]:
        raise _BadLineError(Problem(f"{files[0]} {place}", "there is no turn", action))
    if len(turns) != len(digits):
        reason = f"{len(digits)} labels for {len(turns)} turns"
        raise _BadLineError(Problem(f"{files[1]} {place}", reason, action))
    for turn, digit in enumerate(digits):
        if digit not in _DIGITS:
            reason = f"unknown label {digit!r} at turn {turn}, they are 0 to 6"
            raise _BadLineError(Problem(f"{files[1]} {place}", reason, action))
    return turns, [_DIGITS[digit] for digit in digits]


def _decode(content: bytes, where: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {content[error.start]:#04x} at column {error.start + 1})"
        action = "the line is left out; restore the original file"
        raise _BadLineError(Problem(where, reason, action)) from None


def _lines(root: Path, file: str) -> list[bytes]:
    """The lines of a file, undecoded so that one bad byte costs one line."""
    path = root / file
    if not path.is_file():
        raise CorpusError(f"dailydialog: no file {path}; {_hint(root, path)}")
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return content.rstrip(b"\r\n").split(b"\n")


def _hint(root: Path, path: Path) -> str:
    """What to do about a missing file: unpack the parts, or give the right folder."""
    if (archive := root / f"{path.parent.name}.zip").is_file():
        return f"unpack {archive} there"
    for place in (root / "dailydialog", root / "corpora" / "dailydialog", root.parent):
        if (place / "train" / "dialogues_train.txt").is_file():
            return f"did you mean {place}?"
    return "give the folder that holds train, validation and test"
