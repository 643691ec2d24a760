"""EMO-DB, the Berlin database of emotional speech (Burkhardt et al. 2005): its adapter."""

import math
import re
from pathlib import Path

import pandas as pd

from serlib.corpora.corpus import Corpus, suggest
from serlib.errors import CorpusError, Problem

DESCRIPTION = "EMO-DB (Berlin): German, acted, 10 speakers, 10 sentences, 7 emotions"
LICENCE = "CC0-1.0 as published by audEERING"
LABELS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")

# The letter is the first of the German word (Wut, Langeweile, Ekel, Angst, Freude, Trauer).
_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "N": "neutral",
    "T": "sadness",
}
_GENDERS = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute Abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
_UNLISTED = {"recognised": math.nan, "natural": math.nan}
_NAME = re.compile(
    rf"({'|'.join(_GENDERS)})({'|'.join(_SENTENCES)})([{''.join(_EMOTIONS)}])([a-z])\.wav"
)


def load(root: str | Path) -> Corpus:
    """Load EMO-DB from the folder that holds ``wav/`` and, if there, ``erkennung.txt``.

    Columns of its own: ``version`` (the take's letter), ``recognised`` and ``natural`` (shares in
    [0, 1] of the listeners who recognised the emotion and who found it natural; NaN if unlisted).

    Raises:
        CorpusError: the folder is not EMO-DB's, or nothing in it can be used.
    """
    root = Path(root)
    if not (root / "wav").is_dir():
        raise CorpusError(f"emodb: no folder wav in {root}; {suggest(root, 'emodb')}")
    listeners, problems = _listeners(root)
    rows = []
    for path in sorted((root / "wav").iterdir()):
        if path.name.startswith("."):
            continue
        where = f"wav/{path.name}"
        if not (match := _NAME.fullmatch(path.name)):
            problems.append(Problem(where, "is no EMO-DB recording", "its names: 03a01Fa.wav"))
            continue
        rows.append(_row(path.stem, *match.groups()) | listeners.get(path.stem, _UNLISTED))
        if listeners and path.stem not in listeners:
            action = "recognised and natural are left NA"
            problems.append(Problem(where, "is not listed in erkennung.txt", action, "note"))
    return Corpus.build("emodb", root, rows, licence=LICENCE, labels=LABELS, problems=problems)


def _row(utterance: str, speaker: str, sentence: str, emotion: str, version: str) -> dict:
    return {
        "utterance": utterance,
        "path": f"wav/{utterance}.wav",
        "text": _SENTENCES[sentence],
        "speaker": speaker,
        "gender": _GENDERS[speaker],
        "language": "de",
        "emotion": _EMOTIONS[emotion],
        "version": version,
    }


def _listeners(root: Path) -> tuple[dict[str, dict[str, float]], list[Problem]]:
    """Read the listening test: the clip's name → the two shares."""
    path = root / "erkennung.txt"
    if not path.is_file():
        action = "recognised and natural are left NA"
        return {}, [Problem("erkennung.txt", "is missing", action, "note")]
    try:
        table = pd.read_csv(path, sep="\t", encoding="latin-1", dtype=str).set_index("Satz")
        # Cells are padded with no-break spaces, percentages have a decimal comma.
        table = table[["erkannt", "natuerlich"]].apply(
            lambda c: c.str.strip().str.replace(",", ".")
        )
        shares = table.astype(float) / 100
    except (KeyError, ValueError) as error:
        raise CorpusError(
            f"emodb: {path} cannot be read ({error}); it has the tab-separated columns Nr., Satz, "
            "erkannt, natuerlich: restore the original, or remove it to go on without it"
        ) from None
    shares.columns = ["recognised", "natural"]
    shares.index = shares.index.str.strip().str.removesuffix(".wav")
    return shares.to_dict("index"), []
