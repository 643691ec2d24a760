"""What several raters said of one utterance, brought into the columns of the schema."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from serlib.errors import Problem

DIMENSIONS = ("activation", "valence", "dominance")


def moments(grades: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the mean and the population variance of the raters' grades, per dimension.

    The variance divides by the number of raters, not by one less: it describes these raters and
    estimates nothing. One rater has variance 0; a dimension that nobody graded is NaN.

    Args:
        grades: dimension → grades, as far as given.
    """
    columns = {}
    for dimension in DIMENSIONS:
        values = grades.get(dimension, ())
        mean = math.fsum(values) / len(values) if values else math.nan
        spread = math.fsum((v - mean) ** 2 for v in values) / len(values) if values else math.nan
        columns |= {dimension: mean, f"{dimension}_var": spread}
    return columns


def count(choices: Iterable[str]) -> dict[str, int]:
    """Count the raters' choices: emotion → number of votes, in order of first mention."""
    votes: dict[str, int] = {}
    for choice in choices:
        votes[choice] = votes.get(choice, 0) + 1
    return votes


def read_lines(path: Path, where: str, problems: list[Problem]) -> list[str]:
    """Read a text file's lines, whatever their ends; one that is not UTF-8 is noted."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {content[error.start]:#04x} at {error.start}"
        action = "read as Windows-1252"
        problems.append(Problem(where, f"is not UTF-8 ({byte})", action, "note"))
        # Python's cp1252 refuses five bytes; latin-1 takes any.
        text = content.decode("cp1252", errors="replace")
    # Not splitlines(): it would also break at characters that stand inside a sentence.
    return re.split(r"\r\n|\n|\r", text)


def some(names: Sequence[str]) -> str:
    """Name the first of several, and say how many there are."""
    return f"{len(names)} (first: {names[0]})" if len(names) > 1 else names[0]
