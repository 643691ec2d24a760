"""MELD (Poria et al. 2019): scenes of the series Friends, here their text."""

from pathlib import Path

from serlib.corpora import dialogue_csv
from serlib.corpora.corpus import Corpus

DESCRIPTION = "MELD: English, scenes of the series Friends, text only, 7 emotions"
LICENCE = "the series is not free; annotations GPL-3.0 in their repository"
LABELS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise")

_FILES = {split: f"{split}_sent_emo.csv" for split in ("train", "dev", "test")}
_COLUMNS = ("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID")
_COLUMNS += ("Season", "Episode")
_EMOTIONS = {"joy" if emotion == "happiness" else emotion: emotion for emotion in LABELS}


def load(root: str | Path) -> Corpus:
    """Load MELD from the folder that holds ``train_sent_emo.csv``, ``dev_…`` and ``test_…``.

    ``speaker`` is the character, who may occur in all splits, and ``session`` the episode.
    ``turn`` is the corpus' own number, which may skip one. Its own column: ``sentiment``
    (positive, neutral, negative). Quotes that were decoded wrongly are repaired. The files' times
    are times in an episode, which the corpus does not hold, so start and end stay NA.

    Raises:
        CorpusError: a file is missing or unreadable, lacks a column, or nothing is left.
    """
    rows, problems = dialogue_csv.read_splits("meld", Path(root), _FILES, _COLUMNS, _row)
    return Corpus.build("meld", root, rows, licence=LICENCE, labels=LABELS, problems=problems)


def _row(cells: dict[str, str], split: str) -> dict:
    dialogue, turn = (dialogue_csv.number(cells, c) for c in ("Dialogue_ID", "Utterance_ID"))
    return {
        "utterance": f"{split}-dia{dialogue}-utt{turn}",
        "text": cells["Utterance"],
        "speaker": cells["Speaker"] or None,
        "session": dialogue_csv.session(cells),
        "dialogue": f"{split}-dia{dialogue}",
        "turn": turn,
        "language": "en",
        "emotion": dialogue_csv.emotion(cells, _EMOTIONS),
        "sentiment": cells["Sentiment"],
    }
