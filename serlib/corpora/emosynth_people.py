"""EmoSynth's people: who speaks, how each emotion sounds, and how raters judge it."""

from typing import NamedTuple

import numpy as np

EMOTIONS = ("anger", "happiness", "excitement", "sadness", "frustration", "neutral")
CUES = (
    "level",  # mean f0 in semitones above the speaker's base
    "range",  # f0 excursions, a ratio
    "slope",  # f0 trend in semitones a second
    "final",  # f0 rise (+) or fall (-) over the last 250 ms, in semitones
    "rate",  # words a minute, a ratio
    "loudness",  # dB
    "tilt",  # spectral slope in dB an octave (positive = brighter, tenser)
    "breath",  # level of aspiration noise in dB, against the speaker's modal voice
    "jitter",  # irregularity of f0 in per cent
    "pause",  # silence added between words in milliseconds
    "smile",  # shift of all formants in per cent
)
RATIOS = ("range", "rate")
# Directions after Murray & Arnott (1993), Banse & Scherer (1996), Scherer (2003) and Juslin &
# Laukka (2003); the sizes are ours, and the smile after Tartter (1980).
RULES = {  # level range slope final rate loudness tilt breath jitter pause smile
    "anger": (4.0, 1.60, -2.0, -3.0, 1.16, 8.0, 3.0, -4.0, 1.6, 0, 0.0),
    "happiness": (3.0, 1.70, 3.0, 2.0, 1.08, 3.0, 0.8, 0.0, 0.4, 4, 5.0),
    "excitement": (6.5, 2.10, 1.0, 0.5, 1.28, 6.0, 1.8, 0.0, 1.0, 0, 3.0),
    "sadness": (-2.0, 0.50, -0.6, -1.0, 0.78, -6.0, -3.0, 10.0, 0.6, 25, -2.0),
    "frustration": (1.0, 1.20, -4.0, -2.0, 0.92, 2.0, 1.4, 4.0, 1.5, 18, -1.0),
    "neutral": (0.0, 1.00, 0.0, 0.0, 1.00, 0.0, 0.0, 0.0, 0.3, 4, 0.0),
}
# One unit of variation of a cue: between speakers, between a speaker's emotions, between turns.
SPREAD = np.array([1.5, 0.25, 1.0, 1.5, 0.10, 2.0, 1.0, 3.0, 0.35, 6.0, 1.2])
SPEAKER_SPREAD, HABIT_SPREAD, TURN_SPREAD = 0.40, 0.45, 0.50
CUE_USE = 0.30  # sd of the log of how much a speaker uses a cue

# Row: share of each emotion (in the order above) in a turn meant as the row's emotion.
BLEND = np.array(
    [
        [0.72, 0.01, 0.05, 0.02, 0.17, 0.03],
        [0.01, 0.70, 0.17, 0.02, 0.01, 0.09],
        [0.05, 0.18, 0.74, 0.00, 0.01, 0.02],
        [0.02, 0.01, 0.00, 0.75, 0.09, 0.13],
        [0.15, 0.01, 0.01, 0.09, 0.66, 0.08],
        [0.02, 0.07, 0.01, 0.08, 0.08, 0.74],
    ]
)
CONCENTRATION = 7.0  # of the Dirichlet around a row: smaller means more ambiguous turns
# Activation, valence and dominance of a pure emotion on IEMOCAP's scale of 1 to 5.
GRADES = np.array(
    [
        [4.3, 1.5, 4.3],
        [3.3, 4.4, 3.3],
        [4.4, 4.3, 3.8],
        [1.8, 1.8, 1.8],
        [3.1, 2.0, 3.0],
        [2.3, 3.0, 2.8],
    ]
)
RATERS = 12  # the pool that three to five are drawn from for each turn
SHARPEN, LAPSE = 1.4, 0.12  # a rater hears mixture ** SHARPEN, and guesses now and then


class Speaker(NamedTuple):
    """A voice: eSpeak variant and accent, base f0 (Hz), formant shift (ratio), words a minute."""

    name: str
    session: str
    gender: str
    variant: str
    accent: str
    f0: float
    formants: float
    rate: float


_US, _GB = "English (America)", "English (Great Britain)"
SPEAKERS = (
    Speaker("S1F", "S1", "female", "Female1", _US, 196.0, 1.00, 182),
    Speaker("S1M", "S1", "male", "Male1", _US, 104.0, 0.97, 172),
    Speaker("S2F", "S2", "female", "Female3", _GB, 214.0, 1.05, 190),
    Speaker("S2M", "S2", "male", "Male3", _GB, 118.0, 1.02, 180),
    Speaker("S3F", "S3", "female", "Annie", _US, 228.0, 1.03, 176),
    Speaker("S3M", "S3", "male", "Andy", _US, 96.0, 0.95, 188),
    Speaker("S4F", "S4", "female", "Female4", _GB, 182.0, 0.96, 170),
    Speaker("S4M", "S4", "male", "Male4", _GB, 126.0, 1.04, 186),
    Speaker("S5F", "S5", "female", "Female5", _US, 205.0, 0.98, 194),
    Speaker("S5M", "S5", "male", "Max", _US, 110.0, 1.00, 166),
)


def rules() -> np.ndarray:
    """Return `RULES` as an array (emotions, cues) in units that add up (ratios as log2)."""
    table = np.array([RULES[emotion] for emotion in EMOTIONS])
    ratio = np.isin(CUES, RATIOS)
    table[:, ratio] = np.log2(table[:, ratio])
    return table


def habits(rng: np.random.Generator) -> np.ndarray:
    """Draw how one speaker expresses the emotions: the rules, bent to that speaker.

    Returns:
        Cues (emotions, cues): the rules scaled cue by cue, plus the speaker's own baseline, plus
        a deviation for each emotion.
    """
    use = np.exp(rng.normal(0, CUE_USE, len(CUES)))
    baseline = rng.normal(0, SPEAKER_SPREAD, len(CUES)) * SPREAD
    own = rng.normal(0, HABIT_SPREAD, (len(EMOTIONS), len(CUES))) * SPREAD
    return rules() * use + baseline + own


def mixture(emotion: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a turn's latent mixture (emotions,), which sums to 1; `emotion` has the largest part."""
    meant = EMOTIONS.index(emotion)
    parts = rng.dirichlet(CONCENTRATION * BLEND[meant] + 0.02)
    largest = parts.argmax()
    parts[[meant, largest]] = parts[[largest, meant]]
    return parts


def express(parts: np.ndarray, habit: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Turn a mixture into cues: its blend of the speaker's habits, plus the turn's own noise."""
    values = parts @ habit + rng.normal(0, TURN_SPREAD, len(CUES)) * SPREAD
    cues = dict(zip(CUES, values.tolist(), strict=True))
    return cues | {cue: 2 ** cues[cue] for cue in RATIOS}


def judge(parts: np.ndarray, biases: np.ndarray, rng: np.random.Generator) -> dict:
    """Let three to five raters name a turn's emotion and grade it.

    Args:
        parts: the turn's mixture (emotions,).
        biases: every rater's leaning in activation, valence, dominance (raters, 3).
        rng: the source of chance.

    Returns:
        ``votes``, ``emotion`` (the strict majority's, else None), ``raters``, and the mean and the
        sample variance of the three grades.
    """
    heard = parts**SHARPEN
    heard = (1 - LAPSE) * heard / heard.sum() + LAPSE / len(EMOTIONS)
    who = rng.choice(len(biases), size=rng.integers(3, 6), replace=False)
    named = rng.choice(len(EMOTIONS), size=len(who), p=heard)
    counts = np.bincount(named, minlength=len(EMOTIONS))
    votes = {e: int(n) for e, n in zip(EMOTIONS, counts, strict=True) if n}
    top = max(votes, key=votes.get)
    grades = parts @ GRADES + biases[who] + rng.normal(0, 0.45, (len(who), 3))
    grades = np.clip(np.rint(grades), 1, 5)
    row = {"emotion": top if votes[top] * 2 > len(who) else None, "votes": votes}
    for name, column in zip(("activation", "valence", "dominance"), grades.T, strict=True):
        row |= {name: round(column.mean(), 4), f"{name}_var": round(column.var(), 4)}
    return row | {"raters": len(who)}
