"""Eight of eGeMAPS' 88 functionals that can be said in plain words."""

from serlib.views.egemaps import Egemaps
from serlib.views.extraction import CorpusLike, load

# Plain name → openSMILE's. The unit is in brackets.
MEASURES = {
    "pitch (semitones)": "F0semitoneFrom27.5Hz_sma3nz_percentile50.0",
    "pitch range (semitones)": "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2",
    "level (dB)": "equivalentSoundLevel_dBp",
    "loudness peaks (1/s)": "loudnessPeaksPerSec",
    "unvoiced stretches (s)": "MeanUnvoicedSegmentLength",
    "brightness (dB)": "alphaRatioV_sma3nz_amean",
    "harmonics to noise (dB)": "HNRdBACF_sma3nz_amean",
    "jitter (share)": "jitterLocal_sma3nz_amean",
}


def prosody(corpus: CorpusLike, progress: bool = False):
    """Measure pitch, level, pace and voice quality of each clip.

    Pitch is the median f0 above 27.5 Hz; its range lies between the 20th and 80th percentile.
    Loudness peaks follow the syllables. Brightness (alpha ratio) is the energy in 1–5 kHz against
    that in 0.05–1 kHz, in voiced frames. Jitter is the mean step from a period to the next, as a
    share of the period.

    Returns:
        One row an utterance that could be read, one column a key of ``MEASURES``.
    """
    import pandas as pd

    view = Egemaps()
    found = load(corpus, view, progress=progress)
    vectors = found.stack()  # noqa: PD013
    table = pd.DataFrame(vectors, index=found.utterances, columns=view.feature_names)
    named = {column: name for name, column in MEASURES.items()}
    return table[list(named)].rename(columns=named).astype(float)
