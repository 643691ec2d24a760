"""EmoSynth's voice: eSpeak inside Praat, bent by prosodic cues; and a noisy room.

eSpeak carries state from one sentence to the next, so the same call gives other samples later in
the same process. A block of turns is therefore always spoken in order by a fresh process:
``python -m serlib.corpora.emosynth_voice FOLDER < turns.jsonl``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import scipy.fft

from serlib.corpora.emosynth_people import SPEAKERS, Speaker

RATE = 16000
SPEECH_DB = -29.0  # RMS of a neutral turn against full scale
FLOOR_DB = -72.0  # the studio's own noise
RANGE = 1.5  # eSpeak's own f0 excursions are small; this makes a neutral turn lively enough
BREATH_DB = -30.0  # aspiration noise of a modal voice, against the speech
_NEW_CONTOUR = """
voice = selected("Manipulation")
tier = selected("PitchTier")
curve = selected("Sound")
selectObject: tier
Formula: "{}"
plusObject: voice
Replace pitch tier
selectObject: voice
Get resynthesis (overlap-add)
"""
MARGIN = 0.12  # seconds of silence kept on either side


def speak(text: str, speaker: Speaker, cues: dict[str, float], rng: np.random.Generator):
    """Say a sentence in a voice and a manner, in the studio.

    Args:
        text: English.
        speaker: who says it.
        cues: every one of ``emosynth_people.CUES``.
        rng: the source of jitter, breath and noise.

    Returns:
        The waveform (samples,), float, at 16 kHz, within ±1.
    """
    wave = _trim(_synthesise(text, speaker, cues))
    wave = _intone(wave, speaker.f0, cues, rng)
    wave = _colour(_breathe(wave, cues["breath"], rng), cues["tilt"])
    wave *= _gain(SPEECH_DB + cues["loudness"]) / _level(wave)
    wave = np.pad(wave, int(MARGIN * RATE)) + _noise(len(wave) + 2 * int(MARGIN * RATE), rng)
    return wave * min(1.0, 0.97 / np.abs(wave).max())


def _synthesise(text, speaker, cues):
    """Let eSpeak talk; formants move by playing the sound faster, which rate and f0 make up for."""
    import soxr
    from parselmouth.praat import call

    shift = speaker.formants * (1 + cues["smile"] / 100)
    words = float(np.clip(speaker.rate * cues["rate"] / shift, 90, 380))
    gap = max(0.0, cues["pause"]) / 1000
    tool = call("Create SpeechSynthesizer", speaker.accent, speaker.variant)
    call(tool, "Speech output settings", 22050, gap, 1.0, 1.0, words, "IPA")
    sound = call(tool, "To Sound", text, "no")[0]
    return soxr.resample(sound.values[0], 22050 * shift, RATE)


def _intone(wave, base, cues, rng):
    """Give the sound a new f0 contour by pitch-synchronous overlap-add."""
    import parselmouth
    from parselmouth.praat import call, run

    sound = parselmouth.Sound(wave, RATE)
    manipulation = call(sound, "To Manipulation", 0.01, 60, 500)
    tier = call(manipulation, "Extract pitch tier")
    own = call(tier, "Get mean (points)", 0, 0)
    first, last = (call(tier, f"Get {end} time") for end in ("start", "end"))
    time = np.arange(int(sound.duration * 100) + 2) / 100 + 0.005
    bend = cues["level"] + cues["slope"] * (time - (first + last) / 2)
    bend += cues["final"] * np.clip((time - last) / 0.25 + 1, 0, 1)
    bend = base * 2 ** (bend / 12) * (1 + rng.normal(0, max(0, cues["jitter"]) / 100, len(time)))
    formula = f"max(60, min(550, object(curve, x) * (self / {own}) ^ {RANGE * cues['range']}))"
    curve = parselmouth.Sound(bend, 100)
    return run([manipulation, tier, curve], _NEW_CONTOUR.format(formula))[0].values[0]


def _trim(wave):
    """Cut eSpeak's silence before and after, and soften the cuts."""
    loud = np.flatnonzero(np.abs(wave) > 0.01 * np.abs(wave).max())
    wave = wave[max(0, loud[0] - 160) : loud[-1] + 480].copy()
    ramp = np.sin(np.linspace(0, np.pi / 2, 160)) ** 2
    wave[:160] *= ramp
    wave[-160:] *= ramp[::-1]
    return wave


def _breathe(wave, breath, rng):
    """Add aspiration: noise that follows the speech's envelope, most of it above 1.5 kHz."""
    envelope = np.sqrt(np.maximum(_shape(wave**2, lambda f: np.exp(-((f / 15) ** 2))), 0))
    noise = _shape(rng.normal(size=len(wave)), lambda f: 1 / (1 + (1500 / np.maximum(f, 1)) ** 2))
    return wave + envelope * noise * _gain(BREATH_DB + breath)


def _colour(wave, tilt):
    """Tilt the spectrum around 500 Hz by so many dB an octave."""
    return _shape(wave, lambda f: _gain(tilt * np.clip(np.log2(np.maximum(f, 1) / 500), -2, 4)))


def room(wave: np.ndarray, session: str, rng: np.random.Generator) -> np.ndarray:
    """Record a studio take again, some metres away in the session's own room.

    Reverberation is exponentially decaying noise (RT60 0.25 to 0.45 s by session), as
    strong as the direct sound less 5 dB; hum and pink noise lie 12 to 24 dB under the speech; the
    microphone passes about 120 Hz to 5 kHz.

    Args:
        wave: the studio take (samples,) at 16 kHz.
        session: names the room.
        rng: the source of noise.

    Returns:
        The waveform (samples,) within ±1.
    """
    number = int(session[1:])
    reverberation = 0.2 + 0.05 * number
    walls = np.random.default_rng(number)
    time = np.arange(int(reverberation * RATE)) / RATE
    response = walls.normal(size=len(time)) * 10 ** (-3 * time / reverberation)
    response *= _gain(-5) / np.sqrt((response**2).sum())
    response[0] = 1.0
    size = scipy.fft.next_fast_len(len(wave) + len(response), real=True)
    wet = scipy.fft.rfft(wave, size) * scipy.fft.rfft(response, size)
    wet = scipy.fft.irfft(wet, size)[: len(wave)]
    noise = _shape(rng.normal(size=len(wet)), lambda f: 1 / np.sqrt(np.maximum(f, 30)))
    noise = noise / noise.std() + 0.5 * np.sin(2 * np.pi * 100 * np.arange(len(wet)) / RATE)
    wet += noise * _level(wet) * _gain(-rng.uniform(12, 24))
    wet = _shape(
        wet, lambda f: 1 / np.sqrt((1 + (120 / np.maximum(f, 1)) ** 4) * (1 + (f / 5000) ** 8))
    )
    return wet * min(1.0, 0.97 / np.abs(wet).max())


def _noise(samples, rng):
    return rng.normal(0, _gain(FLOOR_DB), samples)


def _gain(db):
    return 10 ** (np.asarray(db) / 20)


def _level(wave):
    return np.sqrt(np.mean(wave**2))


def _shape(wave, response):
    size = scipy.fft.next_fast_len(len(wave), real=True)
    spectrum = scipy.fft.rfft(wave, size) * response(scipy.fft.rfftfreq(size, 1 / RATE))
    return scipy.fft.irfft(spectrum, size)[: len(wave)]


def main(folder: Path) -> None:
    """Speak the turns that arrive as JSON lines and write ``<utterance>.wav`` into the folder."""
    import soundfile

    speakers = {speaker.name: speaker for speaker in SPEAKERS}
    for line in sys.stdin:
        turn = json.loads(line)
        rng = np.random.default_rng(turn["seed"])
        wave = speak(turn["text"], speakers[turn["speaker"]], turn["cues"], rng)
        if turn["condition"] == "room":
            wave = room(wave, turn["session"], rng)
        soundfile.write(folder / f"{turn['utterance']}.wav", wave, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
