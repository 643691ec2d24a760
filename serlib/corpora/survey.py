"""What a corpus gives away besides the emotion: counts that one should see before training."""

import hashlib

import numpy as np
import pandas as pd

from serlib.corpora.check import examine
from serlib.corpora.corpus import Corpus


def survey(corpus: Corpus) -> dict[str, float]:
    """Count what can mislead a reader of a corpus' scores.

    Returns:
        ``utterances``, ``speakers``, ``women`` (share of the speakers), ``minutes``,
        ``sentences`` (different texts), ``spoken in every emotion`` (share of utterances whose
        sentence occurs with all labels), ``largest class`` (share), ``fewest clips`` (of a
        speaker's emotion), ``identical clips`` (byte-identical to another). NaN where unknown.
    """
    stock, _ = examine(corpus)
    table = corpus.table
    speakers = table.drop_duplicates("speaker")["gender"]
    emotion = table["emotion"].dropna()
    cells = pd.crosstab(table["speaker"], table["emotion"]).reindex(columns=corpus.labels)
    known, heard = table["text"].notna().all(), table["path"].notna().any()
    spoken = table.groupby("text")["emotion"].nunique()
    every = table["text"].map(spoken) == len(corpus.labels)
    return {
        "utterances": stock["utterances"],
        "speakers": stock["speakers"],
        "women": float((speakers == "female").mean()) if speakers.notna().all() else np.nan,
        "minutes": stock["minutes"] if heard else np.nan,
        "sentences": int(table["text"].nunique()) if known else np.nan,
        "spoken in every emotion": float(every.mean()) if known else np.nan,
        "largest class": float(emotion.value_counts(normalize=True).iloc[0]),
        "fewest clips": int(cells.fillna(0).to_numpy().min()),
        "identical clips": _identical(corpus) if heard else np.nan,
    }


def _identical(corpus: Corpus) -> int:
    """How many utterances are the same part of files with the same bytes as another one."""
    digests = {}
    for path in corpus.table["path"].dropna().unique():
        if (corpus.root / path).is_file():
            with (corpus.root / path).open("rb") as file:
                digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
    parts = corpus.table[["start", "end"]].assign(content=corpus.table["path"].map(digests))
    return int(parts.dropna(subset="content").duplicated(keep=False).sum())


def levels(corpus: Corpus) -> pd.DataFrame:
    """Measure what needs no ear: the level and the length of each clip.

    Returns:
        One row an utterance: ``level`` (root mean square) and ``peak`` (largest sample), both in dB
        with full scale = 0, and ``seconds``. A clip that cannot be read is left out; `examine`
        names it.
    """
    from serlib.errors import AudioError

    rows = {}
    for utterance in corpus.table.index:
        try:
            waveform, rate = corpus.audio(utterance)
        except AudioError:
            continue
        power = float(np.mean(np.square(waveform, dtype=np.float64)))
        peak = 20 * np.log10(float(np.abs(waveform).max()))
        seconds = len(waveform) / rate
        rows[utterance] = {"level": 10 * np.log10(power), "peak": peak, "seconds": seconds}
    return pd.DataFrame.from_dict(rows, orient="index")
