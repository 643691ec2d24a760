"""Figures show what they were given: the drawn data are read back from the axes."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from serlib import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def errorbar(ax):
    """Centres and ends of the intervals that an axes shows."""
    (container,) = ax.containers
    dots, _, (bars,) = container
    return dots.get_xdata(), np.array([segment[:, 0] for segment in bars.get_segments()])


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def test_confusion_says_counts_and_colours_shares():
    frame = pd.DataFrame([[3, 1], [0, 0]], index=["anger", "fear"], columns=["anger", "fear"])
    ax = plots.confusion(frame)
    assert [text.get_text() for text in ax.texts] == ["3", "1", "0", "0"]
    np.testing.assert_allclose(ax.collections[0].get_array(), [[0.75, 0.25], [0, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted emotion", "true emotion")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["anger", "fear"]


def test_intervals_draw_values_ends_and_reference_lines():
    table = pd.DataFrame(
        {"variant": ["base", "DSNet"], "value": [0.5, 0.6], "low": [0.4, 0.55], "high": [0.7, 0.61]}
    )
    ax = plots.intervals(table, chance=0.25, paper=0.5882)
    values, ends = errorbar(ax)
    np.testing.assert_allclose(values, [0.5, 0.6])
    np.testing.assert_allclose(ends, [[0.4, 0.7], [0.55, 0.61]])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["base", "DSNet"]
    assert ax.yaxis_inverted()
    assert line(ax, "chance").get_xdata()[0] == 0.25
    assert line(ax, "paper").get_xdata()[0] == 0.5882
    assert "UAR (%)" in ax.get_xlabel()


def test_intervals_without_references_have_no_legend():
    table = pd.DataFrame({"variant": ["base"], "value": [0.5], "low": [0.4], "high": [0.7]})
    assert plots.intervals(table).get_legend() is None


def test_history_splits_losses_from_uar_and_marks_the_best_epoch():
    frame = pd.DataFrame(
        {"epoch": [0, 1, 2], "loss": [2, 1, 0.5], "restoration": [3, 2, 1], "uar": [0.3, 0.6, 0.5]}
    )
    above, below = plots.history(frame).axes
    assert [drawn.get_label() for drawn in above.lines] == ["loss", "restoration"]
    np.testing.assert_allclose(above.lines[1].get_ydata(), [3, 2, 1])
    np.testing.assert_allclose(below.lines[0].get_ydata(), [0.3, 0.6, 0.5])
    assert line(below, "best: epoch 1").get_xdata()[0] == 1
    assert below.get_xlabel() == "epoch"


def test_projection_places_points_and_tells_more_labels_apart_than_there_are_colours():
    xy = np.random.default_rng(0).normal(size=(24, 2))
    ax = plots.projection(xy, [f"{i:02}" for i in range(24)], "RAVDESS", name="speaker")
    points = ax.collections[0]
    np.testing.assert_allclose(points.get_offsets(), xy)
    looks = {
        (tuple(colour), path.vertices.tobytes(), path.codes.tobytes())
        for colour, path in zip(points.get_facecolors(), points.get_paths(), strict=True)
    }
    assert len(looks) == 24
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        f"{i:02}" for i in range(24)
    ]
    assert ax.get_legend().get_title().get_text() == "speaker"


def test_fbank_puts_time_to_the_right_and_bands_upwards():
    array = np.arange(12.0).reshape(4, 3)
    ax = plots.fbank(array, shift=0.5)
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), array.T)
    assert image.origin == "lower"
    assert image.get_extent() == pytest.approx((0, 2, 0.5, 3.5))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "mel band")


def test_probes_draw_a_panel_for_each_target_with_its_own_chance():
    table = pd.DataFrame(
        {
            "subspace": ["h", "z_er"] * 2,
            "target": ["emotion"] * 2 + ["speaker"] * 2,
            "accuracy": [0.6, 0.7, 0.5, 0.2],
            "low": [0.5, 0.6, 0.4, 0.1],
            "high": [0.65, 0.8, 0.6, 0.25],
            "chance": [0.25] * 2 + [0.1] * 2,
        }
    )
    emotion, speaker = plots.probes(table).axes
    assert (emotion.get_title(), speaker.get_title()) == ("emotion", "speaker")
    np.testing.assert_allclose(errorbar(speaker)[0], [0.5, 0.2])
    np.testing.assert_allclose(errorbar(speaker)[1], [[0.4, 0.6], [0.1, 0.25]])
    assert line(emotion, "chance").get_xdata()[0] == 0.25
    assert line(speaker, "chance").get_xdata()[0] == 0.1
    assert [tick.get_text() for tick in emotion.get_yticklabels()] == ["h", "z_er"]
