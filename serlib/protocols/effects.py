"""How far an emotion moves a measure of the voice, with each speaker as their own reference."""

import numpy as np
import pandas as pd

from serlib.errors import ProtocolError
from serlib.protocols.uncertainty import bootstrap


def within_speaker(
    values: pd.DataFrame, table: pd.DataFrame, emotion: str, baseline: str = "neutral"
) -> pd.DataFrame:
    """Standardised difference of an emotion from the same speakers' baseline.

    Equation: 1.3, with x = a column of ``values``, e = ``emotion``, 0 = ``baseline``; s is the
    spread of clips of one speaker and one of the two emotions, pooled over speakers.

    Args:
        values: measures, one row an utterance, (utterances, measures).
        table: the corpus' table; ``speaker`` and ``emotion`` are read.
        emotion: what is compared.
        baseline: with what.

    Returns:
        Columns ``measure``, ``value`` (mean over speakers, in units of s), ``low``, ``high`` (95 %
        interval over speakers), ``same sign`` (share of speakers that move as the mean does),
        ``speakers``.

    Raises:
        ProtocolError: fewer than two speakers have clips of both.
    """
    known = table.loc[values.index, ["speaker", "emotion"]]
    known = known[known["emotion"].isin([emotion, baseline])]
    groups = values.loc[known.index].groupby([known["emotion"], known["speaker"]])
    means = groups.mean()
    at = means.index.get_level_values("emotion")
    steps = (
        means[at == emotion].droplevel("emotion") - means[at == baseline].droplevel("emotion")
    ).dropna()
    if len(steps) < 2:
        raise ProtocolError(
            f"{emotion} and {baseline}: {len(steps)} speakers have both; an effect within "
            "speakers needs two"
        )
    freedom = max(len(known) - groups.ngroups, 1)
    spread = np.sqrt((groups.var(ddof=0).mul(groups.size(), axis=0)).sum() / freedom)
    rows = []
    for name, own in (steps / spread).items():
        found = _mean(own)
        alike = float((np.sign(own) == np.sign(found.value)).mean())
        row = {"measure": name, "value": found.value, "low": found.low, "high": found.high}
        rows.append(row | {"same sign": alike, "speakers": len(own)})
    return pd.DataFrame(rows)


def _mean(steps: pd.Series):
    frame = pd.DataFrame({"prediction": steps.to_numpy(), "truth": 0.0, "speaker": steps.index})
    return bootstrap(frame, lambda _, prediction: float(prediction.mean()))
