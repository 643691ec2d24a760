"""The leakage audit: what the parts of a fold have in common."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.checks import some
from serlib.protocols.folds import Fold

if TYPE_CHECKING:
    from serlib.corpora import Corpus

KINDS = ("utterance", "speaker", "session", "dialogue", "text", "audio")


def audit(
    fold: Fold, table: pd.DataFrame, content: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Everything that two parts of a fold share, and the classes a part lacks.

    Args:
        fold: the fold.
        table: the corpus table. For a cross-corpus fold, both tables one after the other; speaker
            or session names that both corpora happen to use then count as shared: prefix them.
        content: a digest of each utterance's audio, from `audio_content`. Without it identical
            audio is not checked, and the audit says so.

    Returns:
        One row per kind and pair of parts. Columns: fold; kind (`KINDS`, where text is compared
        without case, punctuation and spacing, and "missing class"); pair, e.g. "train-test";
        count: how many different values are shared, or for "missing class" how many classes of
        the first part the second lacks, NA if not checked; utterances: how many utterances of the
        second part have a shared value; examples; note: what could not be checked, and why.

    Raises:
        ProtocolError: an utterance of the fold is not in the table.
    """
    used = [one for part in fold.parts.values() for one in part]
    if len(foreign := pd.Index(used).difference(table.index)):
        raise ProtocolError(
            f"fold {fold.name}: {len(foreign)} utterances ({some(foreign)}) are not in the table; "
            "pass the table it was made from (both, for cross-corpus)"
        )
    keys = {kind: _key(kind, table, content) for kind in KINDS}
    rows = []
    for kind, key in keys.items():
        rows += [_shared(kind, key, pair, fold) for pair in combinations(fold.parts, 2)]
    if table["emotion"].notna().any():
        rows += [_missing(table["emotion"], pair, fold) for pair in combinations(fold.parts, 2)]
    frame = pd.DataFrame(rows).astype({"count": "Int64", "utterances": "Int64"})
    frame.insert(0, "fold", fold.name)
    return frame


def assert_clean(audit: pd.DataFrame, kinds: Sequence[str] = ("speaker", "audio")) -> None:
    """Refuses a fold whose parts share an utterance or one of these kinds, or were not compared.

    Args:
        audit: what `audit` returned, of one fold or of several one after the other.
        kinds: which of `KINDS` must not be shared. "utterance" always must not.

    Raises:
        ProtocolError: naming the first kind, pair, count and examples.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ProtocolError(f"kinds {sorted(unknown)} are not audited; choose from {KINDS}")
    of_interest = audit[audit["kind"].isin({*kinds, "utterance"})]
    for row in of_interest.itertuples():
        where = f"fold {row.fold}, {row.pair}, {row.kind}"
        if row.note:
            raise ProtocolError(
                f"{where}: {row.note}; complete it or leave {row.kind} out of kinds"
            )
        if row.count:
            raise ProtocolError(
                f"{where}: {row.count} shared ({row.examples}); split by {row.kind}"
            )


def audio_content(corpus: "Corpus") -> dict[str, str]:
    """A digest of each utterance's audio: sha256 of its file, with start and end if it is a part.

    Copies that were decoded and stored anew are not recognised. A file that cannot be read is
    left out, and the audit then says that this utterance was not checked.
    """
    digests, content = {}, {}
    for utterance in corpus.table.index:
        path = corpus.path(utterance)
        if path not in digests:
            digests[path] = _digest(path)
        if digests[path]:
            start, end = corpus.table.loc[utterance, ["start", "end"]]
            content[utterance] = f"{digests[path]} {start} {end}"
    return content


def normalise(text: str) -> str:
    """The words of a sentence: no case, accents' encoding, punctuation or spacing.

    >>> normalise("  Don't—you SEE?! ")
    'dont you see'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\W_]+", " ", re.sub(r"['’`]", "", folded)).strip()


def _digest(path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _key(kind: str, table: pd.DataFrame, content: Mapping[str, str] | None) -> pd.Series:
    """What makes two utterances alike in this kind, NA where it is not known."""
    if kind == "utterance":
        return pd.Series(table.index, index=table.index)
    if kind == "audio":
        return pd.Series(content or {}, dtype=object).reindex(table.index)
    if kind not in table:
        return pd.Series(pd.NA, index=table.index, dtype=object)
    key = table[kind].astype(object)
    if kind == "text":
        key = key.map(normalise, na_action="ignore").replace("", pd.NA)
    return key


def _shared(kind: str, key: pd.Series, pair: tuple[str, str], fold: Fold) -> dict:
    one, other = (key[list(fold.parts[part])] for part in pair)
    unknown, total = int(one.isna().sum() + other.isna().sum()), len(one) + len(other)
    row = {"kind": kind, "pair": "-".join(pair), "count": pd.NA, "utterances": pd.NA}
    row |= {"examples": "", "note": ""}
    if unknown:
        row["note"] = f"not checked for {unknown} of {total} utterances: {kind} unknown"
    if unknown == total and total:
        return row | {"note": f"not checked: {kind} unknown"}
    common = sorted(set(one.dropna()) & set(other.dropna()))
    affected = int(other.isin(common).sum())
    return row | {"count": len(common), "utterances": affected, "examples": some(common)}


def _missing(emotion: pd.Series, pair: tuple[str, str], fold: Fold) -> dict:
    one, other = (set(emotion[list(fold.parts[part])].dropna()) for part in pair)
    lacking = sorted(one - other)
    row = {"kind": "missing class", "pair": "-".join(pair), "count": len(lacking)}
    return row | {"utterances": 0, "examples": some(lacking, 10), "note": ""}
