"""Small formulas behind the views: the mel scale, how many frames there are, jitter."""

import numpy as np


def hz_to_mel(frequency: float | np.ndarray) -> float | np.ndarray:
    """Mel scale as Kaldi and HTK have it: nearly linear up to 700 Hz, logarithmic above.

    Equation: 2.1

    Args:
        frequency: f in Hz.

    Returns:
        m in mel; 1000 Hz lie at 1000 mel. (``LogMel`` uses Slaney's variant by default, which is
        exactly linear up to 1000 Hz.)
    """
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


def frame_count(samples: int, window: int, hop: int) -> int:
    """How many whole windows fit into a clip.

    Equation: 2.2

    Args:
        samples: N, length of the clip.
        window: W, length of the window in samples.
        hop: H, step from a window to the next.
    """
    return 1 + (samples - window) // hop if samples >= window else 0


def jitter(periods: np.ndarray) -> float:
    """Local jitter: mean step from a period to the next, as a share of the mean period.

    Equation: 2.3

    Args:
        periods: T_i, lengths of consecutive periods, (periods,), in any unit.
    """
    periods = np.asarray(periods, float)
    return float(np.abs(np.diff(periods)).mean() / periods.mean())
