"""The figures of chapter 8 draw what is in their tables."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from serlib import plots_saliency


@pytest.fixture
def table():
    names = ["all", "ccs-20", "ccs-60", "random-20", "random-60"]
    value = np.array([0.8, 0.5, 0.7, 0.4, 0.6])
    frame = pd.DataFrame({"value": value, "low": value - 0.1, "high": value + 0.2}, index=names)
    yield frame.sample(frac=1, random_state=0)
    plt.close("all")


def drawn(ax):
    """Label → heights of a line's points, in the order of the axis."""
    return {
        container.get_label(): list(container.lines[0].get_ydata()) for container in ax.containers
    }


def test_a_line_a_method_and_the_shares_in_order(table):
    ax = plots_saliency.kept_share(table, "CCC")
    assert drawn(ax) == {"ccs": [0.5, 0.7], "random": [0.4, 0.6], "all dimensions": [0.8]}
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["20", "60", "100"]
    assert list(ax.containers[2].lines[0].get_xdata()) == [2]
    bars = ax.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[0.4, 0.7], [0.6, 0.9]])


def test_a_line_a_variant_and_the_conditions_in_order(table):
    ax = plots_saliency.conditions({"clean": table, "noise": table - 0.3}, "CCC")
    assert drawn(ax)["all"] == pytest.approx([0.8, 0.5])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["clean", "noise"]
    colours = [container.lines[0].get_color() for container in ax.containers]
    assert len({str(colour) for colour in colours}) >= 4
