"""The figures of chapter 5 draw what is in their tables."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from serlib import plots_pairwise


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def table():
    """UAR 0.1, 0.2, … of two views, two trainings, three shares of the labels."""
    rows = pd.DataFrame(
        list(product(["mel", "ssl"], ["supervised", "full"], [2, 10, 100])),
        columns=["view", "training", "percent"],
    )
    rows["value"] = np.arange(1, 13) / 10
    return rows.assign(low=rows["value"] - 0.05, high=rows["value"] + 0.1)


def drawn(ax):
    """Label → heights of a line's points."""
    return {c.get_label(): list(c.lines[0].get_ydata()) for c in ax.containers}


def test_a_panel_a_view_and_a_line_a_training(table):
    figure = plots_pairwise.curves(table, "percent", "training", level=0.25)
    mel, ssl = figure.axes
    assert [mel.get_title(), ssl.get_title()] == ["mel", "ssl"]
    np.testing.assert_allclose(drawn(mel)["supervised"], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(drawn(mel)["full"], [0.4, 0.5, 0.6])
    assert drawn(ssl)["full"] == pytest.approx([1.0, 1.1, 1.2])
    assert [tick.get_text() for tick in mel.get_xticklabels()] == ["2", "10", "100"]
    assert 0.25 in mel.lines[-1].get_ydata()
    bars = mel.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(bars[0][:, 1], [0.05, 0.2])


def test_without_intervals_and_with_names(table):
    plain = table.drop(columns=["low", "high"]).astype({"percent": str})
    ax = plots_pairwise.curves(plain, "percent", "training", log=False).axes[0]
    assert not ax.containers[0].has_yerr
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["2", "10", "100"]


def test_three_panels_a_row(table):
    four = pd.concat([table.assign(view=name) for name in "abcd"])
    figure = plots_pairwise.curves(four, "percent", "training")
    shown = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title() for ax in shown] == list("abcd") and len(figure.axes) == 6
    assert [bool(ax.get_ylabel()) for ax in shown] == [True, False, False, True]


def test_an_interval_beside_its_value_is_drawn_as_none(table):
    odd = table.assign(low=table["value"] + 0.01)
    ax = plots_pairwise.curves(odd, "percent", "training").axes[0]
    first = ax.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(first[:, 1], [0.1, 0.2])


def test_the_views_of_an_utterance():
    rng = np.random.default_rng(0)
    figure = plots_pairwise.three_views(
        rng.normal(size=(20, 8)), rng.normal(size=(50, 64)), rng.normal(size=88), "untrained"
    )
    first, second, third = figure.axes
    assert first.get_title() == "untrained" and first.images[0].get_array().shape == (8, 20)
    assert second.images[0].get_array().shape == (64, 50) and len(third.patches) == 88


def test_similarities_share_a_scale_and_stand_in_groups():
    matrix = np.arange(9.0).reshape(3, 3) / 10
    stages = {"before": np.zeros((3, 3)), "after": matrix}
    figure = plots_pairwise.similarities(stages, "ab", ["sadness", "anger", "sadness"])
    before, after = figure.axes[:2]
    assert before.images[0].get_clim() == after.images[0].get_clim() == (-1, 1)
    np.testing.assert_allclose(after.images[0].get_array()[0], [0.4, 0.3, 0.5])
    assert [tick.get_text() for tick in after.get_xticklabels()] == ["anger", "sadness"]
    np.testing.assert_allclose(after.get_yticks(), [0, 1.5])


def test_a_point_a_model():
    points = pd.DataFrame({"pwcca": [0.1, 0.2], "uar": [0.3, 0.4], "view": ["mel", "ssl"]})
    ax = plots_pairwise.alignment_and_score(points, 0.25)
    shown = [tuple(c.get_offsets()[0]) for c in ax.collections]
    assert shown == [(0.1, 0.3), (0.2, 0.4)]


def test_a_low_temperature_pushes_the_nearest_alone():
    ax = plots_pairwise.pull_of_negatives([0.1, 1.0])
    cold, warm = (line.get_ydata() for line in ax.lines)
    assert cold[-1] == warm[-1] == 1 and cold[0] < 1e-8 < 0.1 < warm[0]
