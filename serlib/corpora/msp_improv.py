"""MSP-IMPROV (Busso et al. 2017): its adapter. See ``book/datasheets/msp_improv.md``."""

import re
from pathlib import Path

from serlib.corpora.corpus import Corpus, suggest
from serlib.corpora.msp_improv_file import CODES, read_evaluations
from serlib.corpora.ratings import read_lines
from serlib.errors import CorpusError, Problem

DESCRIPTION = "MSP-IMPROV: English, acted dialogues, 12 speakers, 4 emotions; ask UT Dallas"
LICENCE = "own agreement with UT Dallas, for research; may not be passed on"
LABELS = ("anger", "happiness", "neutral", "sadness", "other")

CONDITIONS = {"R": "read", "T": "target", "S": "improvised", "P": "natural"}
_GENDERS = {"F": "female", "M": "male"}
_NAME = re.compile(
    r"S(?P<sentence>\d\d)(?P<intended>[AHSN])-(?P<target>[FM]0(?P<session>[1-6]))-"
    r"(?P<condition>[RTSP])-(?P<who>[FM])[FM](?P<number>\d\d)"
)
# The release has been handed out with both spellings, audio directly or below Audio.
_FILES = ("Evalution.txt", "Evaluation.txt")
_SOUNDS = ("session[1-6]/*/*/*.wav", "Audio/session[1-6]/*/*/*.wav")
_TEXTS = ("All_human_transcriptions", "Human_transcriptions")


def load(root: str | Path, speakers: str = "turn") -> Corpus:
    """Load MSP-IMPROV from the folder that holds ``Evalution.txt`` and the sessions.

    ``emotion`` is the consensus that the corpus states (NA where there is none), ``votes`` the one
    emotion that each rater chose, ``raters`` how many did. Grades run from 1 to 5, high is active,
    positive, dominant; the file itself counts activation the other way round.
    Columns of its own: ``condition`` (target: the target sentence, improvised; read: the same
    sentence, read; improvised: the other turns of the scene; natural: talk between scenes),
    ``intended`` (the emotion that the scene is written for), ``sentence``, ``target_speaker`` (the
    actor for whom it is written), ``number`` (of the speaker's turns; the order between the two
    is not given, so ``turn`` is NA), and ``naturalness``, the mean grade.

    Args:
        root: the folder.
        speakers: ``"turn"``: who talks in the turn, by the first letter of the last part of its
            name. ``"scene"``: the actor for whom the scene is written, whoever talks; published
            code takes this for the speaker.

    Raises:
        CorpusError: the folder is not MSP-IMPROV's, no such choice, or nothing can be used.
    """
    root, problems = Path(root), []
    if speakers not in ("turn", "scene"):
        raise CorpusError(f"msp_improv: no speakers {speakers!r}; there are turn, scene")
    file = next((root / name for name in _FILES if (root / name).is_file()), None)
    if file is None:
        raise CorpusError(
            f"msp_improv: no Evalution.txt in {root}; {suggest(root, 'msp_improv', *_FILES)}"
        )
    sounds, texts = _sounds(root, problems), _texts(root, problems)
    rows: dict[str, dict] = {}
    for turn in read_evaluations(file, problems):
        name = f"MSP-IMPROV-{turn.name}"
        row = _row(name, turn.name, speakers)
        if not row:
            action = "its names: MSP-IMPROV-S01A-F01-S-FM01"
            problems.append(Problem(name, "is no MSP-IMPROV turn", action))
        elif name in rows:
            problems.append(Problem(name, "is rated twice", "the first counts"))
        elif _usable(name, sounds, texts, problems):
            row |= turn.columns(problems)
            rows[name] = row | {"path": sounds.pop(name, None), "text": texts.get(name)}
    problems += [
        Problem(path, "nobody rated it", "left out", "note")
        for name, path in sounds.items()
        if name not in rows
    ]
    rows = list(rows.values())
    return Corpus.build("msp_improv", root, rows, licence=LICENCE, labels=LABELS, problems=problems)


def _row(utterance: str, name: str, speakers: str) -> dict:
    if not (match := _NAME.fullmatch(name)):
        return {}
    target, session = match["target"], match["session"]
    speaker = f"{match['who']}0{session}" if speakers == "turn" else target
    scene = f"S{match['sentence']}{match['intended']}-{target}"
    # The target sentence falls within the improvised scene; the other two stand apart.
    own = {"T": "S"}.get(match["condition"], match["condition"])
    return {
        "utterance": utterance,
        "speaker": speaker,
        "gender": _GENDERS[speaker[0]],
        "session": f"session{session}",
        "dialogue": f"{scene}-{own}",
        "language": "en",
        "condition": CONDITIONS[match["condition"]],
        "intended": CODES[match["intended"]],
        "sentence": match["sentence"],
        "target_speaker": target,
        "number": int(match["number"]),
    }


def _usable(name: str, sounds: dict, texts: dict, problems: list[Problem]) -> bool:
    if name not in sounds and name not in texts:
        problems.append(Problem(name, "has neither an audio file nor a text", "left out"))
        return False
    if name not in sounds:
        problems.append(Problem(name, "has no audio file", "kept as text", "note"))
    elif texts and name not in texts:
        problems.append(Problem(name, "has no text", "its text is left NA", "note"))
    return True


def _sounds(root: Path, problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(path for pattern in _SOUNDS for path in root.glob(pattern)):
        where = path.relative_to(root).as_posix()
        if path.name.startswith("."):
            continue
        if path.stem in found:
            problems.append(Problem(where, "is there twice", f"{found[path.stem]} is used", "note"))
        found.setdefault(path.stem, where)
    return found


def _texts(root: Path, problems: list[Problem]) -> dict[str, str]:
    """What was said, from the first folder of transcripts that is there."""
    folder = next((root / name for name in _TEXTS if (root / name).is_dir()), None)
    if folder is None:
        reason = f"no folder {_TEXTS[0]}"
        problems.append(Problem(root.name, reason, "the turns have no texts", "note"))
        return {}
    found = {}
    for path in sorted(folder.rglob("MSP-IMPROV-*.txt")):
        where = path.relative_to(root).as_posix()
        text = " ".join(" ".join(read_lines(path, where, problems)).split())
        found |= {path.stem: text} if text else {}
    return found
