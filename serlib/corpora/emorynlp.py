"""EmoryNLP (Zahiri and Choi 2018): scenes of the series Friends with seven feelings, text only."""

import ast
from pathlib import Path

from serlib.corpora import dialogue_csv
from serlib.corpora.corpus import Corpus

DESCRIPTION = "EmoryNLP: English, scenes of the series Friends, text only, 7 emotions"
LICENCE = "Apache-2.0 for the annotations; the series is not free"
LABELS = ("neutral", "happiness", "peaceful", "powerful", "fear", "anger", "sadness")

_FILES = {split: f"emorynlp_{split}_final.csv" for split in ("train", "dev", "test")}
_COLUMNS = ("Utterance", "Speaker", "Emotion", "Scene_ID", "Utterance_ID", "Season", "Episode")
_EMOTIONS = {
    "neutral": "neutral",
    "joyful": "happiness",
    "peaceful": "peaceful",
    "powerful": "powerful",
    "scared": "fear",
    "mad": "anger",
    "sad": "sadness",
}


def load(root: str | Path) -> Corpus:
    """Load EmoryNLP from the folder that holds ``emorynlp_train_final.csv``, and dev and test.

    A dialogue is a scene, ``session`` its episode. ``speaker`` is the character; of a line that
    several say, their names with commas, or ``#ALL#`` as in the files. ``turn`` is the corpus'
    own number: from 1, and it skips what nobody says (stage directions). The files' times are
    times in an episode, which the corpus does not hold, so start and end stay NA.

    Raises:
        CorpusError: a file is missing or unreadable, lacks a column, or nothing is left.
    """
    rows, problems = dialogue_csv.read_splits("emorynlp", Path(root), _FILES, _COLUMNS, _row)
    return Corpus.build("emorynlp", root, rows, licence=LICENCE, labels=LABELS, problems=problems)


def _row(cells: dict[str, str], _split: str) -> dict:
    scene, turn = (dialogue_csv.number(cells, c) for c in ("Scene_ID", "Utterance_ID"))
    session = dialogue_csv.session(cells)
    return {
        "utterance": f"{session}_c{scene:02d}_u{turn:03d}",
        "text": cells["Utterance"],
        "speaker": _speaker(cells["Speaker"]),
        "session": session,
        "dialogue": f"{session}_c{scene:02d}",
        "turn": turn,
        "language": "en",
        "emotion": dialogue_csv.emotion(cells, _EMOTIONS),
    }


def _speaker(written: str) -> str | None:
    """The names in a list as Python writes it."""
    try:
        names = ast.literal_eval(written)
    except (ValueError, SyntaxError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise dialogue_csv.BadRowError(f"Speaker {written!r} is no list like ['Ross Geller']")
    return ", ".join(names) or None
