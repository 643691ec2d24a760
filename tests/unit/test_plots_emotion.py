"""Figures of raters and voices show what they were given, read back from the axes."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from serlib import plots_emotion


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_circumplex_puts_each_emotion_at_its_mean():
    table = pd.DataFrame(
        {
            "emotion": ["anger", "anger", "sadness", None, "sadness"],
            "valence": [1.0, 2.0, 2.0, 5.0, np.nan],
            "activation": [4.0, 5.0, 1.0, 5.0, 1.0],
        }
    )
    ax = plots_emotion.circumplex(table, (1, 5))
    assert {text.get_text(): text.xy for text in ax.texts} == {
        "anger": (1.5, 4.5),
        "sadness": (2.0, 1.0),
    }
    drawn = np.concatenate([points.get_offsets() for points in ax.collections])
    assert len(drawn) == 3 + 2  # clips with all three, and a mean each
    assert (ax.get_xlim(), ax.get_ylim()) == ((1, 5), (1, 5))
    assert "valence" in ax.get_xlabel()
    assert "activation" in ax.get_ylabel()


def test_shares_are_written_in_per_cent():
    frame = pd.DataFrame([[0.25, 0.75], [1.0, 0.0]], index=["a", "b"], columns=["c", "d"])
    ax = plots_emotion.shares(frame, bar=False)
    assert [text.get_text() for text in ax.texts] == ["25", "75", "100", "0"]
    np.testing.assert_allclose(ax.collections[0].get_array(), frame)


def test_grouped_draws_each_series_in_its_group_whatever_the_order_of_rows():
    table = pd.DataFrame(
        {
            "measure": ["pitch", "level", "level"],
            "emotion": ["anger", "anger", "sadness"],
            "value": [1.0, 2.0, -3.0],
            "low": [0.5, 1.0, -4.0],
            "high": [2.0, 2.5, -1.0],
        }
    )
    order = ["level", "pitch"]
    ax = plots_emotion.grouped(table, "measure", "emotion", "effect", order)
    anger, sadness = ax.containers
    np.testing.assert_allclose(anger[0].get_xdata().astype(float), [2, 1])
    np.testing.assert_allclose(sadness[0].get_xdata().astype(float), [-3, np.nan])
    ends = np.array([segment[:, 0] for segment in anger[2][0].get_segments()])
    np.testing.assert_allclose(ends, [[1, 2.5], [0.5, 2]])
    assert (np.round(anger[0].get_ydata()) == [0, 1]).all()
    assert [tick.get_text() for tick in ax.get_yticklabels()] == order
    assert ax.yaxis_inverted()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["anger", "sadness"]
