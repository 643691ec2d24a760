"""A player holds the sound that it was given."""

import base64
import io
import re

import numpy as np
import soundfile

from serlib.listen import player


def test_a_player_carries_its_sound():
    rate = 16000
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype("f4")
    html = player(wave, rate, "a tone")
    assert 'aria-label="a tone"' in html
    sound = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    assert len(sound) < 10_000  # of 32 000 bytes
    decoded, found = soundfile.read(io.BytesIO(sound))
    assert found == rate
    spectrum = np.abs(np.fft.rfft(decoded[2000 : 2000 + rate // 2]))
    assert abs(spectrum.argmax() * 2 - 440) <= 2
