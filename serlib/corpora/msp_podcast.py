"""MSP-Podcast (Lotfian and Busso 2019): its adapter. See ``book/datasheets/msp_podcast.md``."""

from pathlib import Path

import pandas as pd

from serlib.corpora.corpus import Corpus, suggest
from serlib.corpora.msp_podcast_ratings import GRADES, read_ratings
from serlib.corpora.ratings import DIMENSIONS, read_lines, some
from serlib.errors import CorpusError, Problem

DESCRIPTION = "MSP-Podcast: English, podcasts, over 1000 speakers, 9 emotions; ask UT Dallas"
LICENCE = "own agreement with UT Dallas, for research; may not be passed on"
LABELS = (
    "anger",
    "contempt",
    "disgust",
    "fear",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
    "other",
)

_CODES = dict(zip("ACDFHNSUO", LABELS, strict=True))
_NO_AGREEMENT = "X"
_SPLITS = {"Train": "train", "Development": "dev", "Validation": "dev", "Test1": "test"}
_COLUMNS = ["FileName", "EmoClass", *GRADES, "SpkrID", "Gender", "Split_Set"]
# Up to release 1.9 the file's name was spelled with a c, and its folder changed its name.
_LABELS = [
    f"{folder}/{name}"
    for folder in ("Labels", "labels", "label", "Labels/Labels")
    for name in ("labels_consensus.csv", "labels_concensus.csv")
]


def load(root: str | Path, test: str | None = None) -> Corpus:
    """Load MSP-Podcast from the folder that holds ``Labels`` and ``Audios``.

    ``emotion`` is the stated consensus (NA for ``X``, no agreement), activation, valence and
    dominance the stated means, from 1 to 7; ``votes``, ``raters`` and the variances come from
    the raters' lines. ``speaker`` is NA where the corpus does not know who it is, ``session`` is
    the podcast. Its own column is ``partition``, the official one by its own name.

    Args:
        root: the folder.
        test: an official test set (``"Test1"``, ``"Test2"``) to be the split ``test``; the others
            are left out, so that ``official_split`` can be used. None keeps every partition:
            Test1 is the split ``test``, and those of the further ones is NA.

    Raises:
        CorpusError: the folder is not MSP-Podcast's, a table is damaged, or no such test set.
    """
    root, problems = Path(root), []
    path = next((root / name for name in _LABELS if (root / name).is_file()), None)
    if path is None:
        raise CorpusError(
            f"msp_podcast: no {_LABELS[0]} in {root}; {suggest(root, 'msp_podcast', *_LABELS)}"
        )
    table = _consensus(path, problems)
    table = _chosen(table, test)
    detailed = path.with_name("labels_detailed.csv")
    if detailed.is_file():
        ratings = read_ratings(detailed, table.index, problems).reindex(table.index)
    else:
        action = "votes, raters and variances are left NA"
        problems.append(Problem(detailed.name, "is missing", action, "note"))
        ratings = pd.DataFrame(index=table.index)
    for dimension in DIMENSIONS:
        if dimension in ratings:
            table[dimension] = table[dimension].fillna(ratings.pop(dimension))
    rows = _files(root, table.join(ratings), problems)
    rows.index = rows.index.str.removesuffix(".wav")
    return Corpus.build(
        "msp_podcast", root, rows, licence=LICENCE, labels=LABELS, problems=problems
    )


def _consensus(path: Path, problems: list[Problem]) -> pd.DataFrame:
    """Read the consensus, indexed by the file's name, in the columns of the schema."""
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)[_COLUMNS]
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CorpusError(
            f"msp_podcast: {path} cannot be read ({reason}); restore the original"
        ) from None
    table = table.apply(lambda column: column.str.strip())
    where = path.name
    odd = ~table["FileName"].str.fullmatch(r"\S+\.wav")
    again = table["FileName"].duplicated() & ~odd
    for mask, reason in ((odd, "is no file of audio"), (again, "was there before")):
        for row, name in table.loc[mask, "FileName"].items():
            problems.append(Problem(f"{where} row {row + 2}", f"{name!r} {reason}", "left out"))
    table = table[~odd & ~again].set_index("FileName")
    grades = table[list(GRADES)].apply(pd.to_numeric, errors="coerce")
    wrong = ~(grades.ge(1) & grades.le(7))
    _note(problems, where, wrong.any(axis=1), "a mean is missing or not from 1 to 7", "left NA")
    letters = table["EmoClass"].str.upper()
    unknown = ~letters.isin([*_CODES, _NO_AGREEMENT])
    _note(problems, where, unknown, "the emotion is unknown or missing", "left NA")
    speaker = table["SpkrID"].where(~table["SpkrID"].str.lower().isin(["unknown", ""]))
    action = "left NA; choose by speaker.notna() where folds must not share speakers"
    _note(problems, where, speaker.isna(), "the speaker is unknown", action)
    gender = table["Gender"].str.lower()
    return pd.DataFrame(
        {
            "speaker": speaker,
            "gender": gender.where(gender.isin(["female", "male"])),
            "session": table.index.str.extract(r"^MSP-PODCAST_(\d+)_", expand=False),
            "language": "en",
            "emotion": letters.map(_CODES),
            "split": table["Split_Set"].map(_SPLITS),
            "partition": table["Split_Set"],
            **grades.mask(wrong).rename(columns=GRADES),
        },
        index=table.index,
    )


def _chosen(table: pd.DataFrame, test: str | None) -> pd.DataFrame:
    if test is None:
        return table
    official = sorted(set(table["partition"]) - set(_SPLITS) | {"Test1"})
    if test not in official:
        raise CorpusError(f"msp_podcast: no test set {test!r}; there are {', '.join(official)}")
    split = table["split"].mask(table["split"] == "test").mask(table["partition"] == test, "test")
    return table.assign(split=split)[split.notna()]


def _files(root: Path, table: pd.DataFrame, problems: list[Problem]) -> pd.DataFrame:
    """Add path and text; leave out what has neither."""
    sounds = next((root / n for n in ("Audios", "Audio") if (root / n).is_dir()), None)
    if sounds is None:
        raise CorpusError(f"msp_podcast: no folder Audios in {root}; unpack Audios.tar.gz there")
    there = {p.name for p in sounds.iterdir() if p.suffix == ".wav" and p.name[0] != "."}
    heard = table.index.isin(there)
    texts = _texts(root, table.index, problems)
    table = table.assign(
        path=(f"{sounds.name}/" + table.index.to_series()).where(heard), text=texts
    )
    usable = heard | table["text"].notna().to_numpy()
    for name in table.index[~usable]:
        problems.append(Problem(f"{sounds.name}/{name}", "is missing, and there is no text", ""))
    _note(
        problems,
        sounds.name,
        pd.Series(~heard & usable, table.index),
        "there is no audio file",
        "kept as text",
    )
    if extra := sorted(there - set(table.index)):
        reason = "audio files that are not in the table"
        action = "left out; the labels of Test3 are not given"
        problems.append(Problem(f"{sounds.name}: {some(extra)}", reason, action, "note"))
    return table[usable]


def _texts(root: Path, files: pd.Index, problems: list[Problem]) -> pd.Series:
    folder = root / "Transcripts"
    if not folder.is_dir():
        problems.append(Problem("Transcripts", "is missing", "there are no texts", "note"))
        return pd.Series(pd.NA, files, dtype="str")
    there = {path.name for path in folder.iterdir()}
    found = []
    for file in files:
        name = file.removesuffix(".wav") + ".txt"
        lines = read_lines(folder / name, f"Transcripts/{name}", problems) if name in there else []
        found.append(" ".join(" ".join(lines).split()) or None)
    texts = pd.Series(found, files, dtype="str")
    _note(problems, "Transcripts", texts.isna(), "there is no text", "left NA")
    return texts


def _note(problems: list[Problem], where: str, mask: pd.Series, reason: str, action: str) -> None:
    """Add one note for all files that something holds of."""
    if mask.any():
        names = some(list(mask.index[mask]))
        problems.append(Problem(f"{where}: {names}", reason, action, "note"))
