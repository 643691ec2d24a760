"""PDDS' mixup: which clear samples are mixed, and how."""

import numpy as np
import pandas as pd

from serlib.errors import ParameterError, ProtocolError


def mix(first: np.ndarray, second: np.ndarray, p: float) -> np.ndarray:
    """Mix two samples, or their targets.

    Equation: 7.2, with x_major = ``first``, x_minor = ``second``.

    Args:
        first: a sequence (T, D) or a vector (D,).
        second: another, of the same D; the shorter sequence is padded with zeros at its end.
        p: the share of the first.
    """
    if first.ndim == second.ndim == 2 and len(first) != len(second):
        length = max(len(first), len(second))
        first, second = (np.pad(x, ((0, length - len(x)), (0, 0))) for x in (first, second))
    if first.shape != second.shape:
        raise ProtocolError(f"mix: shapes {first.shape} and {second.shape}; one view, one size")
    return p * first + (1 - p) * second


def draw(bins: pd.DataFrame, kinds: pd.DataFrame, p: float = 0.8, seed: int = 0) -> pd.DataFrame:
    """Choose the pairs of clear samples that fill every bin.

    A bin (major, minor) takes p of a clear major and 1 − p of a clear minor; a clear bin takes half
    of each of two of its own. No pair comes twice until all have come.

    Args:
        bins: from `pdds.plan`.
        kinds: from `pdds_votes.ambiguity`.
        p: the major's share, in [0.5, 1].
        seed: of the choice.

    Returns:
        One row a mixture: ``first``, ``second`` (utterances), ``p``, ``major``, ``minor``.

    Raises:
        ParameterError: p is outside [0.5, 1].
        ProtocolError: a class must be mixed with itself and has one clear sample only.
    """
    if not 0.5 <= p <= 1:
        raise ParameterError(f"p {p}: must lie in [0.5, 1]; below, the major would be the minor")
    rng = np.random.default_rng(seed)
    clear = kinds[kinds["kind"] == "clear"]
    utterances = {emotion: part.index.to_numpy() for emotion, part in clear.groupby("major")}
    parts = []
    for row in bins[bins["made"] > 0].itertuples():
        pairs = _pairs(utterances[row.major], utterances[row.minor], row.made, rng)
        own = p if row.major != row.minor else 0.5
        parts.append(pairs.assign(p=own, major=row.major, minor=row.minor))
    columns = ["first", "second", "p", "major", "minor"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _pairs(majors, minors, count: int, rng: np.random.Generator) -> pd.DataFrame:
    a, b = np.meshgrid(np.arange(len(majors)), np.arange(len(minors)), indexing="ij")
    if majors is minors:
        a, b = a[np.triu_indices(len(majors), 1)], b[np.triu_indices(len(majors), 1)]
        if not a.size:
            raise ProtocolError(
                f"{majors[0]}: the only clear sample of its emotion; mixing it "
                "with itself makes nothing new: take 'original', or more data"
            )
    a, b = a.ravel(), b.ravel()
    rounds = [rng.permutation(a.size) for _ in range(-(-count // a.size))]
    chosen = np.concatenate(rounds)[:count]
    return pd.DataFrame({"first": majors[a[chosen]], "second": minors[b[chosen]]})
