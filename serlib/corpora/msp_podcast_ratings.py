"""MSP-Podcast's ``labels_detailed.csv``: what every rater said, in the layouts of its releases."""

from pathlib import Path

import pandas as pd

from serlib.corpora.ratings import DIMENSIONS, some
from serlib.errors import CorpusError, Problem

_NAMES = {
    "angry": "anger",
    "sad": "sadness",
    "happy": "happiness",
    "surprise": "surprise",
    "fear": "fear",
    "disgust": "disgust",
    "contempt": "contempt",
    "neutral": "neutral",
}
GRADES = dict(zip(("EmoAct", "EmoVal", "EmoDom"), DIMENSIONS, strict=True))
# One cell in the releases from 1.7 to 1.12: rater, emotion, all emotions noticed, grades.
_CELL = (
    r"^\s*(?P<worker>[^;]*);\s*(?P<choice>[^;]*);.*?"
    r"A:\s*(?P<EmoAct>[^;]*);\s*V:\s*(?P<EmoVal>[^;]*);\s*D:\s*(?P<EmoDom>[^;]*?)\s*;?\s*$"
)
_COLUMNS = {"Workers": "worker", "WorkerID": "worker", "EmoClass_Major": "choice"}


def read_ratings(path: Path, files: pd.Index, problems: list[Problem]) -> pd.DataFrame:
    """Read the ratings and sum them up.

    Args:
        path: the file.
        files: the names of the files that have a consensus; others are noted and left out.
        problems: gets a note for each kind of oddity.

    Returns:
        A row a file: votes, raters, and the mean and population variance of each dimension.
    """
    table = _read(path)
    # Numbers instead of names: a million rows are then grouped in a moment.
    table = table.assign(file=files.get_indexer(table["FileName"]))
    known = table["file"] >= 0
    _note(problems, table["FileName"][~known], "ratings of files without a consensus", "left out")
    table = table[known]
    again = table.duplicated(["file", "worker"])
    _note(problems, table["FileName"][again], "a rater was there before", "the first line counts")
    table = table[~again]
    silent = files.delete(table["file"].unique())
    reason = "files that no rater's line is about"
    _note(problems, silent, reason, "votes and variances are left NA")
    rows = _votes(table, problems).join(_moments(table, problems), how="outer")
    return rows.set_axis(files.take(rows.index), axis="index")


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
        if "EmoDetail" in table:
            table = table[["FileName"]].join(table["EmoDetail"].str.extract(_CELL))
        return table.rename(columns=_COLUMNS)[["FileName", "worker", "choice", *GRADES]]
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise CorpusError(
            f"msp_podcast: {path} cannot be read ({reason}); restore the original, or remove it "
            "to go on without votes and variances"
        ) from None


def _votes(table: pd.DataFrame, problems: list[Problem]) -> pd.DataFrame:
    named = table["choice"].str.strip().str.lower()
    emotions = named.map(_NAMES).mask(named.str.startswith("other").eq(True), "other")
    odd = emotions.isna()
    _note(problems, table["FileName"][odd], "a rater's emotion is none of the nine", "no vote")
    pairs = table[["file"]].assign(emotion=emotions)[~odd]
    votes: dict[int, dict[str, int]] = {}
    for (file, emotion), number in pairs.value_counts(sort=False).items():
        votes.setdefault(file, {})[emotion] = number
    return pd.DataFrame(
        {"votes": pd.Series(votes, dtype="object"), "raters": pairs["file"].value_counts()}
    )


def _moments(table: pd.DataFrame, problems: list[Problem]) -> pd.DataFrame:
    grades = table[list(GRADES)].apply(pd.to_numeric, errors="coerce")
    odd = ~(grades.ge(1) & grades.le(7))
    for column, dimension in GRADES.items():
        reason = f"a rater's {dimension} is missing or not from 1 to 7"
        _note(problems, table["FileName"][odd[column]], reason, "this grade is ignored")
    grouped = grades.mask(odd).rename(columns=GRADES).groupby(table["file"])
    return grouped.mean().join(grouped.var(ddof=0).add_suffix("_var"))


def _note(problems: list[Problem], files: pd.Series | pd.Index, reason: str, action: str) -> None:
    """Add one note for all files that something holds of."""
    if len(files):
        where = f"labels_detailed.csv: {some(list(files))}"
        problems.append(Problem(where, reason, action, "note"))
