"""The figures of chapter 8."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from serlib.plots import COLOURS, GREY

_MARKERS = "osD^vPX"
_STYLES = ("-", "--", "-.", ":")


def kept_share(table: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """Draw a score against the kept share, a line a method, and at 100 % that of all dimensions.

    Args:
        table: columns ``value``, ``low``, ``high``; indexed by ``<method>-<per cent>`` and ``all``.
        metric: what the score is, for the axis.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(9, 4.2), layout="constrained")[1]
    whole = table.loc["all"]
    ax.axhspan(whole["low"], whole["high"], color=GREY, alpha=0.15, lw=0)
    ax.axhline(whole["value"], color=GREY)
    parts = table.drop(index="all").copy()
    parts[["method", "share"]] = [name.rsplit("-", 1) for name in parts.index]
    parts["share"] = parts["share"].astype(int)
    shares = sorted(parts["share"].unique())
    lines = {method: own.set_index("share").loc[shares] for method, own in parts.groupby("method")}
    _lines(ax, lines)
    spread = [[whole["value"] - whole["low"]], [whole["high"] - whole["value"]]]
    look = {"color": GREY, "marker": "X", "capsize": 2, "label": "all dimensions"}
    ax.errorbar([len(shares)], [whole["value"]], yerr=spread, **look)
    ax.set_xticks(range(len(shares) + 1), [*shares, 100])
    ax.set(xlabel="kept dimensions (%)", ylabel=f"{metric} with its 95 % interval")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def conditions(tables: Mapping[str, pd.DataFrame], metric: str, ax: Axes | None = None) -> Axes:
    """Draw a score under conditions that get harder from left to right, a line a variant.

    Args:
        tables: condition → columns ``value``, ``low``, ``high``, indexed by variant.
        metric: what the score is, for the axis.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(8, 4.2), layout="constrained")[1]
    names = list(tables)
    variants = tables[names[0]].index
    _lines(ax, {v: pd.DataFrame([tables[name].loc[v] for name in names]) for v in variants})
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(axis="x", rotation=20)
    ax.set(xlabel="test condition", ylabel=f"{metric} with its 95 % interval")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def _lines(ax: Axes, lines: Mapping[str, pd.DataFrame]) -> None:
    """Draw points with intervals, and lines through them; lots in black, as what to beat."""
    for i, (name, own) in enumerate(lines.items()):
        # Side by side, so that intervals do not hide each other.
        place = np.arange(len(own)) + 0.11 * (i - (len(lines) - 1) / 2)
        spread = [own["value"] - own["low"], own["high"] - own["value"]]
        colour = "black" if name.startswith("random") else COLOURS[i]
        look = {"color": colour, "marker": _MARKERS[i % 7], "linestyle": _STYLES[i % 4]}
        ax.errorbar(place, own["value"], yerr=spread, capsize=2, label=name, **look)
