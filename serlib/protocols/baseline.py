"""The one simple classifier that every view is judged by."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def svm_by_speaker(vectors: pd.DataFrame, table: pd.DataFrame, labels: Sequence) -> pd.DataFrame:
    """Predict every speaker's emotions by a support vector machine fitted on the other speakers.

    RBF kernel, C = 1, classes weighted alike, inputs z-scored on the training speakers: nothing is
    tuned, so no part of the data has to be set aside for tuning.

    Args:
        vectors: one row an utterance, (utterances, dims).
        table: the corpus' table; ``speaker`` and ``emotion`` are read.
        labels: the classes; utterances of others are left out.

    Returns:
        One row an utterance: ``utterance``, ``speaker``, ``truth``, ``prediction``.
    """
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    part = table.loc[vectors.index, ["speaker", "emotion"]]
    part = part[part["emotion"].isin(list(labels))]
    truth, speaker = (part[c].to_numpy(dtype=object) for c in ("emotion", "speaker"))
    model = make_pipeline(StandardScaler(), SVC(C=1.0, class_weight="balanced"))
    inputs = vectors.loc[part.index].to_numpy(dtype=np.float64)
    predicted = cross_val_predict(model, inputs, truth, groups=speaker, cv=LeaveOneGroupOut())
    columns = {"utterance": part.index, "speaker": speaker, "truth": truth}
    return pd.DataFrame(columns | {"prediction": predicted})
