"""The baseline classifier: honest about speakers, and against scikit-learn step by step."""

import numpy as np
import pandas as pd
import pytest

from serlib.protocols.baseline import svm_by_speaker


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    speaker, emotion = np.repeat(list("abcd"), 30), np.tile(["anger", "fear", "neutral"], 40)
    table = pd.DataFrame({"speaker": speaker, "emotion": emotion})
    table.index = [f"u{i}" for i in range(120)]
    return table, pd.DataFrame(rng.normal(size=(120, 5)), table.index)


def test_it_is_fitted_on_the_other_speakers_and_scaled_by_them(made):
    from sklearn.svm import SVC

    table, x = made
    x = x.iloc[::-1] * [1, 100, 1, 1, 1] + 7  # order must not matter, scale neither
    x[0] += (table["emotion"] == "anger") * 2.0
    found = svm_by_speaker(x, table, ["anger", "neutral"]).set_index("utterance")
    assert set(found["truth"]) == {"anger", "neutral"}
    x = x.loc[found.index]
    train, test = (found["speaker"] != "c"), (found["speaker"] == "c")
    mean, std = x[train].mean(), x[train].std(ddof=0)
    model = SVC(C=1.0, class_weight="balanced")
    model.fit(((x - mean) / std)[train], found["truth"][train].to_numpy(object))
    expected = model.predict(((x - mean) / std)[test])
    assert found.loc[test, "prediction"].tolist() == expected.tolist()
    assert (found["truth"] == table.loc[found.index, "emotion"]).all()


def test_what_only_a_speakers_own_clips_tell_is_not_learnt(made):
    table, x = made
    # Each speaker's code says the emotion, but each in a way of their own.
    for i, speaker in enumerate("abcd"):
        own = table["speaker"] == speaker
        shift = table["emotion"].map({"anger": i, "fear": (i + 1) % 3, "neutral": (i + 2) % 3})
        x.loc[own, 0] += 10 * shift[own]
    found = svm_by_speaker(x, table, ["anger", "fear", "neutral"])
    assert (found["truth"] == found["prediction"]).mean() < 0.5
