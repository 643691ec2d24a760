"""IEMOCAP (Busso et al. 2008): its adapter. See ``book/datasheets/iemocap.md``."""

import re
from collections.abc import Iterator
from pathlib import Path

from serlib.corpora.corpus import Corpus, suggest
from serlib.corpora.iemocap_files import (
    CODES,
    NO_AGREEMENT,
    Turn,
    read_evaluation,
    read_transcript,
)
from serlib.corpora.ratings import DIMENSIONS, count, moments, some
from serlib.errors import CorpusError, Problem

DESCRIPTION = "IEMOCAP: English, acted dialogues, 10 speakers, 10 emotions; ask USC for a copy"
LICENCE = "own agreement with USC SAIL, for research; may not be passed on"
LABELS = tuple(sorted(CODES.values()))
# The field's choices: a class that is written with + unites its parts.
LABEL_SETS = {
    "iemocap4": ("anger", "happiness+excitement", "neutral", "sadness"),
    "iemocap6": ("anger", "excitement", "frustration", "happiness", "neutral", "sadness"),
    "iemocap10": LABELS,
}
ROUNDING = 1e-3  # The files state means with four decimals.
_DIALOGUE = re.compile(r"(Ses0[1-5])[FM]_(impro|script)\w+")
_GENDERS = {"F": "female", "M": "male"}
_SCENARIOS = {"impro": "improvised", "script": "scripted"}
_SESSIONS = tuple(f"Session{number}" for number in range(1, 6))


def load(root: str | Path, labels: str | None = None, self_evaluation: bool = False) -> Corpus:
    """Load IEMOCAP from the folder that holds ``Session1`` … ``Session5``.

    ``emotion`` is the consensus that the corpus states, NA where it says ``xxx``. ``votes`` counts
    every emotion that a rater chose, so a rater who chose two has two votes; ``raters`` counts the
    raters who chose any. Grades run from 1 to 5, high is active, positive, dominant.
    Columns of its own: ``scenario`` (improvised, scripted), ``dialogue_start`` and
    ``dialogue_end`` (seconds in the recording of the dialogue).

    Args:
        root: the folder.
        labels: ``"iemocap4"``, ``"iemocap6"`` or ``"iemocap10"`` keep the turns of these classes
            only (5531, 7380, 7532 in a full copy); None keeps every turn.
        self_evaluation: also count what the two actors said of their own turns (C-F, C-M, A-F,
            A-M). The corpus' consensus and means do not.

    Raises:
        CorpusError: the folder is not IEMOCAP's, no such set of labels, or nothing can be used.
    """
    root = Path(root)
    if labels is not None and labels not in LABEL_SETS:
        raise CorpusError(f"iemocap: no labels {labels!r}; there are {', '.join(LABEL_SETS)}")
    there = [name for name in _SESSIONS if (root / name / "dialog" / "EmoEvaluation").is_dir()]
    if not there:
        hint = suggest(root, "iemocap", "Session?/dialog/EmoEvaluation")
        raise CorpusError(f"iemocap: no folder Session1/dialog/EmoEvaluation in {root}; {hint}")
    problems = [
        Problem(name, "has no folder dialog/EmoEvaluation", "the other sessions are used", "note")
        for name in _SESSIONS
        if name not in there
    ]
    rows: dict[str, dict] = {}
    for name in there:
        for row in _session(root, name, self_evaluation, problems):
            if row["utterance"] in rows:
                problems.append(Problem(row["utterance"], "is rated twice", "the first counts"))
            rows.setdefault(row["utterance"], row)
    rows = list(rows.values())
    corpus = Corpus.build("iemocap", root, rows, licence=LICENCE, labels=LABELS, problems=problems)
    return corpus.select(emotions=LABEL_SETS[labels]) if labels else corpus


def _session(
    root: Path, session: str, self_evaluation: bool, problems: list[Problem]
) -> Iterator[dict]:
    folder = root / session / "dialog" / "EmoEvaluation"
    files = sorted(folder.glob("*.txt"))
    if hidden := [path.name for path in files if path.name.startswith(".")]:
        reason = f"hidden files that a Mac left: {some(hidden)}"
        problems.append(Problem(f"{session}/dialog/EmoEvaluation", reason, "ignored", "note"))
    if not (root / session / "sentences" / "wav").is_dir():
        reason = "has no folder sentences/wav"
        problems.append(Problem(session, reason, "its turns are text without audio", "note"))
    for path in files:
        where = path.relative_to(root).as_posix()
        if path.name.startswith("."):
            continue
        match = _DIALOGUE.fullmatch(path.stem)
        if match and match[1][-1] == session[-1]:
            yield from _dialogue(root, session, path, self_evaluation, problems)
        else:
            problems.append(Problem(where, f"is no dialogue of {session}", "the file is left out"))


def _dialogue(
    root: Path, session: str, path: Path, self_evaluation: bool, problems: list[Problem]
) -> Iterator[dict]:
    dialogue = path.stem
    turns = read_evaluation(path, path.relative_to(root).as_posix(), problems)
    spoken = root / session / "dialog" / "transcriptions" / path.name
    texts = read_transcript(spoken, spoken.relative_to(root).as_posix(), problems)
    sounds = root / session / "sentences" / "wav" / dialogue
    heard = {p.stem for p in sounds.glob("*.wav") if not p.name.startswith(".")}
    names = {turn.name for turn in turns}
    for what, extra in (("texts", set(texts) - names), ("audio files", heard - names)):
        if extra:
            reason = f"{what} of turns that nobody rated: {some(sorted(extra))}"
            problems.append(Problem(dialogue, reason, "left out", "note"))
    for number, turn in enumerate(sorted(turns, key=lambda t: (t.start, t.end))):
        if not re.fullmatch(f"{dialogue}_[FM]\\w+", turn.name):
            problems.append(Problem(turn.name, f"is no turn of {dialogue}", "left out"))
            continue
        name = f"{session}/sentences/wav/{dialogue}/{turn.name}.wav"
        row = {"path": name} if turn.name in heard else {}
        row |= {"text": texts[turn.name]} if turn.name in texts else {}
        if _usable(turn, row, sounds.parent.is_dir(), problems):
            yield _row(turn, dialogue, number) | _rated(turn, self_evaluation, problems) | row


def _usable(turn: Turn, row: dict, audio: bool, problems: list[Problem]) -> bool:
    if not row:
        problems.append(Problem(turn.name, "has neither an audio file nor a text", "left out"))
    elif "path" not in row and audio:
        problems.append(Problem(turn.name, "has no audio file", "kept as text", "note"))
    elif "text" not in row:
        problems.append(Problem(turn.name, "has no text", "its text is left NA", "note"))
    return bool(row)


def _row(turn: Turn, dialogue: str, number: int) -> dict:
    session, kind = _DIALOGUE.fullmatch(dialogue).groups()
    # The letter in the dialogue's name is the actor with the markers, not the one who speaks.
    letter = turn.name[len(dialogue) + 1]
    return {
        "utterance": turn.name,
        "speaker": session + letter,
        "gender": _GENDERS[letter],
        "session": session,
        "dialogue": dialogue,
        "turn": number,
        "language": "en",
        "scenario": _SCENARIOS[kind],
        "dialogue_start": turn.start,
        "dialogue_end": turn.end,
    }


def _rated(turn: Turn, self_evaluation: bool, problems: list[Problem]) -> dict:
    def counts(rater: str) -> bool:
        return self_evaluation or rater.startswith("E")

    choices = [emotions for rater, emotions in turn.labels.items() if emotions and counts(rater)]
    grades = [given for rater, given in turn.grades.items() if counts(rater)]
    values = {d: [given[d] for given in grades if d in given] for d in DIMENSIONS}
    if turn.code not in (*CODES, NO_AGREEMENT):
        reason = f"unknown emotion {turn.code!r}"
        problems.append(Problem(turn.name, reason, "its emotion is left NA", "note"))
    if not choices:
        problems.append(Problem(turn.name, "no rater chose an emotion", "no votes", "note"))
    columns = moments(values)
    for dimension, stated in turn.stated.items():
        if not values[dimension]:
            columns[dimension] = stated
            reason = f"no rater graded {dimension}"
            problems.append(Problem(turn.name, reason, "the stated mean is used", "note"))
        elif not self_evaluation and abs(columns[dimension] - stated) > ROUNDING:
            reason = f"the stated mean of {dimension} is not its evaluators'"
            problems.append(Problem(turn.name, reason, "the evaluators' is used", "note"))
    votes = count(emotion for emotions in choices for emotion in emotions)
    return {
        "emotion": CODES.get(turn.code),
        "votes": votes or None,
        "raters": len(choices),
        **columns,
    }
