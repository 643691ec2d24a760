"""Many tests at once."""

import numpy as np

from serlib.errors import ProtocolError


def holm(p) -> np.ndarray:
    """P-values adjusted for their number, so that below 0.05 still means 1 in 20 for all together.

    Equation: 3.8, with p_(i) the i-th smallest of ``p`` and n their number.

    Args:
        p: p-values of the tests of one question, (tests,), all of them.

    Returns:
        Adjusted ones in the same order, (tests,). Source: Holm 1979, *A Simple Sequentially
        Rejective Multiple Test Procedure*, Scandinavian Journal of Statistics 6.

    Raises:
        ProtocolError: no test, or a p outside [0, 1].
    """
    p = np.asarray(p, float)
    if p.ndim != 1 or not len(p) or not ((p >= 0) & (p <= 1)).all():
        raise ProtocolError(f"p has shape {p.shape}: give one p in [0, 1] a test, one or more")
    order = np.argsort(p)
    weighted = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(weighted).clip(max=1)
    return adjusted
