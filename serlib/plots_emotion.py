"""Figures of what raters say and what voices do; the house style of `serlib.plots`."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from serlib.plots import COLOURS, GREY

_MARKERS = "osD^vP*X"


def circumplex(table: pd.DataFrame, scale: tuple[float, float], ax: Axes | None = None) -> Axes:
    """Draw emotions in the plane of valence and activation: pale dots clips, names their means.

    Args:
        table: columns ``emotion``, ``valence``, ``activation``; rows without one are left out.
        scale: lowest and highest grade; the axes cross in its middle.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(6, 5), layout="constrained")[1]
    known = table[["emotion", "valence", "activation"]].dropna()
    for i, (emotion, part) in enumerate(known.groupby("emotion")):
        look = {"color": COLOURS[i % len(COLOURS)], "marker": _MARKERS[i % len(_MARKERS)]}
        ax.scatter(part["valence"], part["activation"], s=12, alpha=0.3, lw=0, **look)
        x, y = part["valence"].mean(), part["activation"].mean()
        ax.scatter([x], [y], s=120, edgecolor="black", **look)
        box = {"facecolor": "white", "alpha": 0.75, "lw": 0, "pad": 1}
        place = {"textcoords": "offset points", "xytext": (9, 6)}
        ax.annotate(emotion, (x, y), fontweight="bold", bbox=box, **place)
    middle = sum(scale) / 2
    ax.axhline(middle, color=GREY, lw=0.8)
    ax.axvline(middle, color=GREY, lw=0.8)
    ax.set(xlim=scale, ylim=scale)
    ax.set(xlabel="valence: negative to positive", ylabel="activation: calm to excited")
    return ax


def shares(frame: pd.DataFrame, ax: Axes | None = None, bar: bool = True) -> Axes:
    """Draw a table of shares as a heat map with per cent in the cells.

    Args:
        frame: shares in [0, 1]; names of its index and columns become the axes' labels.
        ax: where to draw; None makes a new figure.
        bar: whether to add a colour bar.
    """
    ax = ax or plt.subplots(figsize=(6, 4.5), layout="constrained")[1]
    options = {"label": "share (%)", "format": PercentFormatter(1, symbol="")} if bar else None
    sns.heatmap(
        frame, vmin=0, vmax=1, annot=100 * frame, fmt=".0f", cmap="Blues", square=True,
        cbar=bar, cbar_kws=options, ax=ax,
    )  # fmt: skip
    ax.tick_params(axis="y", rotation=0)
    return ax


def grouped(
    table: pd.DataFrame,
    group: str,
    series: str,
    label: str,
    order: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a row a group and in it, one under the other, a dot with its interval for each series.

    Args:
        table: columns ``group``, ``series``, ``value``, ``low``, ``high``.
        group: the column of rows, from top to bottom in the table's order or in ``order``.
        series: the column that colours and markers tell apart.
        label: what ``value`` is, for the axis.
        order: of the groups.
        ax: where to draw; None makes a new figure.
    """
    groups, names = list(order or table[group].unique()), list(table[series].unique())
    size = (6.4, 1 + len(groups) * (0.18 + 0.14 * len(names)))
    ax = ax or plt.subplots(figsize=size, layout="constrained")[1]
    for i, name in enumerate(names):
        part = table[table[series] == name].set_index(group).reindex(groups)
        places = np.arange(len(groups)) + 0.16 * (i - (len(names) - 1) / 2)
        spread = [part["value"] - part["low"], part["high"] - part["value"]]
        look = {"color": COLOURS[i % len(COLOURS)], "fmt": _MARKERS[i % len(_MARKERS)]}
        ax.errorbar(part["value"], places, xerr=spread, ms=5, capsize=2, label=name, **look)
    ax.set_yticks(range(len(groups)), groups)
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.grid(axis="x", alpha=0.3)
    ax.set(xlabel=label)
    if len(names) > 1:
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), title=series)
    return ax
