"""CREMA-D (Cao et al. 2014): its adapter. See ``book/datasheets/crema_d.md``."""

import re
from pathlib import Path

import pandas as pd

from serlib.corpora.corpus import Corpus, suggest
from serlib.corpora.ratings import some
from serlib.errors import CorpusError, Problem

DESCRIPTION = "CREMA-D: English, acted, 91 speakers, 12 sentences, 6 emotions, listeners' votes"
LICENCE = "ODbL 1.0, contents DbCL 1.0"
LABELS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")

MODALITIES = {"voice": 1, "face": 2, "both": 3}  # The first digit of a row's number in the table.
_LETTERS = dict(zip("ADFHNS", LABELS, strict=True))
_EMOTIONS = dict(zip(("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"), LABELS, strict=True))
_LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"}
_SENTENCES = {
    "DFA": "Don't forget a jacket.",
    "IEO": "It's eleven o'clock.",
    "IOM": "I'm on my way to the meeting.",
    "ITH": "I think I have a doctor's appointment.",
    "ITS": "I think I've seen this before.",
    "IWL": "I would like a new alarm clock.",
    "IWW": "I wonder what this is about.",
    "MTI": "Maybe tomorrow it will be cold.",
    "TAI": "The airplane is almost full.",
    "TIE": "That is exactly what happened.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
_NAME = re.compile(
    rf"(1\d{{3}})_({'|'.join(_SENTENCES)})_({'|'.join(_EMOTIONS)})_({'|'.join(_LEVELS)})"
)
# One recording is called otherwise than in the tables.
_ALIASES = {"1040_ITH_SAD_X": "1040_ITH_SAD_XX"}
_STUB = 200  # bytes: a pointer of Git LFS is smaller, a recording is not.


def load(root: str | Path, modality: str = "voice") -> Corpus:
    """Load CREMA-D from the folder with ``tabulatedVotes.csv`` (or ``processedResults``).

    ``emotion`` is what the actor was asked to play. ``votes`` are what the listeners chose, and
    ``raters`` how many there were. Without ``AudioWAV`` the clips have no audio, with one note.
    Columns of its own: ``perceived`` (the emotion with most votes, NA if two have), ``level``
    (low, medium, high, unspecified), ``agreement`` (share of the votes for the most chosen
    emotion) and ``age`` (years, of the actor).

    Args:
        root: the folder.
        modality: whose votes: of listeners to the ``"voice"``, of viewers of the ``"face"``, or of
            those who heard and saw ``"both"``.

    Raises:
        CorpusError: the folder is not CREMA-D's, a table is damaged, or no such modality.
    """
    root, problems = Path(root), []
    if modality not in MODALITIES:
        raise CorpusError(f"crema_d: no modality {modality!r}; there are {', '.join(MODALITIES)}")
    votes = _votes(root, modality, problems)
    parts = votes.index.to_series().str.extract(_NAME)
    known = parts.notna().all(axis=1)
    for name in votes.index[~known]:
        problems.append(Problem(name, "is no CREMA-D clip", "its names: 1001_DFA_ANG_XX"))
    parts, votes = parts[known], votes[known]
    rows = votes.assign(
        speaker=parts[0],
        text=parts[1].map(_SENTENCES),
        emotion=parts[2].map(_EMOTIONS),
        level=parts[3].map(_LEVELS),
        language="en",
        path=_paths(root, list(votes.index), problems),
    )
    rows = rows.join(_actors(root, rows["speaker"], problems), on="speaker")
    return Corpus.build("crema_d", root, rows, licence=LICENCE, labels=LABELS, problems=problems)


def _find(root: Path, name: str) -> Path | None:
    places = (root / name, root / "processedResults" / name)
    return next((place for place in places if place.is_file()), None)


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype={name: "str" for name in columns[:1]})[columns]
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CorpusError(
            f"crema_d: {path} cannot be read ({reason}); restore the original"
        ) from None


def _votes(root: Path, modality: str, problems: list[Problem]) -> pd.DataFrame:
    """Read the votes of one modality: votes, raters, perceived and agreement of each clip."""
    path = _find(root, "tabulatedVotes.csv")
    if path is None:
        hint = suggest(root, "crema_d", "tabulatedVotes.csv", "processedResults/tabulatedVotes.csv")
        raise CorpusError(f"crema_d: no tabulatedVotes.csv in {root}; {hint}")
    table = _read(path, ["Unnamed: 0", *_LETTERS, "fileName", "numResponses"])
    wanted = table["Unnamed: 0"].str.startswith(str(MODALITIES[modality]))
    table = table[wanted].rename(columns={"Unnamed: 0": "row", "fileName": "utterance"})
    counts = table[list(_LETTERS)].apply(pd.to_numeric, errors="coerce")
    odd = counts.isna().any(axis=1) | (counts % 1 != 0).any(axis=1) | (counts < 0).any(axis=1)
    odd |= table["utterance"].isna()
    again = ~odd & table["utterance"].duplicated()
    for mask, reason in ((odd, "its votes are no counts"), (again, "its clip was there before")):
        for row, name in table.loc[mask, ["row", "utterance"]].itertuples(index=False):
            problems.append(Problem(f"{path.name} row {row} ({name})", reason, "left out"))
    table, counts = table[~odd & ~again], counts[~odd & ~again].astype(int)
    total, most = counts.sum(axis=1), counts.max(axis=1)
    for name in table.loc[total != table["numResponses"], "utterance"]:
        reason = "numResponses is not the sum of its votes"
        problems.append(Problem(name, reason, "the sum is used", "note"))
    counts = counts.rename(columns=_LETTERS).set_axis(table["utterance"], axis="index")
    tied = counts.eq(most.to_numpy(), axis=0).sum(axis=1) > 1
    return pd.DataFrame(
        {
            "votes": [{e: n for e, n in row.items() if n} for row in counts.to_dict("records")],
            "raters": total.to_numpy(),
            "perceived": counts.idxmax(axis=1).mask(tied),
            "agreement": (most / total).to_numpy(),
        },
        index=counts.index,
    )


def _paths(root: Path, clips: list[str], problems: list[Problem]) -> pd.Series:
    """The path of each clip, NA where there is no recording."""
    folder = root / "AudioWAV"
    if not folder.is_dir():
        action = "the clips are votes and sentences without audio"
        problems.append(Problem("AudioWAV", "is missing", action, "note"))
        return pd.Series(pd.NA, clips, dtype="str")
    files = {}
    for file in sorted(folder.glob("*.wav")):
        if not file.name.startswith("."):
            files[_ALIASES.get(file.stem, file.stem)] = file
    if stubs := [name for name, file in files.items() if file.stat().st_size < _STUB]:
        reason = f"pointers of Git LFS, not recordings: {some(stubs)}"
        problems.append(Problem("AudioWAV", reason, "fetch them with git lfs pull", "note"))
    usable = files.keys() - set(stubs)
    for name in sorted(set(clips) - files.keys()):
        problems.append(Problem(name, "has no recording in AudioWAV", "kept as text", "note"))
    for name in sorted(files.keys() - set(clips)):
        problems.append(Problem(f"AudioWAV/{files[name].name}", "nobody voted on it", "left out"))
    paths = {name: f"AudioWAV/{files[name].name}" for name in usable}
    return pd.Series([paths.get(clip) for clip in clips], clips, dtype="str")


def _actors(root: Path, speakers: pd.Series, problems: list[Problem]) -> pd.DataFrame:
    """Gender and age of each actor, as far as VideoDemographics.csv tells."""
    path = _find(root, "VideoDemographics.csv")
    if path is None:
        action = "gender and age are left NA"
        problems.append(Problem("VideoDemographics.csv", "is missing", action, "note"))
        return pd.DataFrame({"gender": pd.NA, "age": pd.NA}, speakers.unique(), dtype="object")
    table = _read(path, ["ActorID", "Sex", "Age"]).drop_duplicates("ActorID").set_index("ActorID")
    gender = table["Sex"].str.lower().where(table["Sex"].isin(["Male", "Female"]))
    age = pd.to_numeric(table["Age"], errors="coerce").astype("Float64")
    told = pd.DataFrame({"gender": gender, "age": age}).reindex(sorted(speakers.unique()))
    for actor in told.index[told.isna().any(axis=1)]:
        reason = "its sex or age is not in VideoDemographics.csv"
        problems.append(Problem(f"actor {actor}", reason, "left NA", "note"))
    return told
