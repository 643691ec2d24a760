"""One vector an utterance from any view."""

from typing import TYPE_CHECKING

import numpy as np

from serlib.views.features import Features

if TYPE_CHECKING:
    import pandas as pd


def pooled(features: Features) -> "pd.DataFrame":
    """Give a vector for each utterance: as it is, or mean and standard deviation over the frames.

    Args:
        features: arrays of shape (dims,), (frames, dims) or (frames, layers, dims).

    Returns:
        One row an utterance: dims columns, or twice as many (means, then deviations) for frames.
    """
    import pandas as pd

    rows = {}
    for utterance, array in features.items():
        array = np.asarray(array, dtype=np.float64)
        if array.ndim > 1:
            array = np.concatenate([array.mean(0).ravel(), array.std(0).ravel()])
        rows[utterance] = array
    return pd.DataFrame.from_dict(rows, orient="index")
