"""Sound in a page: audio players that a table can hold."""

import base64
import io

import numpy as np


def player(waveform: np.ndarray, rate: int, name: str) -> str:
    """Return an HTML audio player that carries its sound with it, as MP3 to keep a page light.

    Args:
        waveform: mono samples in [−1, 1], shape (samples,).
        rate: in Hz; one that MP3 knows, such as 16000.
        name: what is to be heard, for those who do not see the page.
    """
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, rate, format="MP3")
    sound = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<audio controls preload="none" aria-label="{name}" style="width: 9em; height: 2em" '
        f'src="data:audio/mpeg;base64,{sound}"></audio>'
    )
