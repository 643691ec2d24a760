"""The figures of chapter 8."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from serlib.plots import COLOURS, GREY

_MARKERS = "osD^vPX"
_STYLES = ("-", "--", "-.", ":")


def kept_share(
    table: pd.DataFrame, metric: str, chance: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a score against the kept share, a line a method, beside that of all dimensions.

    Args:
        table: columns ``value``, ``low``, ``high``; indexed by ``<method>-<per cent>`` and ``all``.
        metric: what the score is, for the axis.
        chance: chance level, a dotted line.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(8, 4.2), layout="constrained")[1]
    whole = table.loc["all"]
    ax.axhspan(whole["low"], whole["high"], color=GREY, alpha=0.15, lw=0)
    ax.axhline(whole["value"], color=GREY, label="all dimensions")
    parts = table.drop(index="all").copy()
    parts[["method", "share"]] = [name.rsplit("-", 1) for name in parts.index]
    parts["share"] = parts["share"].astype(int)
    for i, (method, own) in enumerate(parts.groupby("method")):
        own = own.sort_values("share")
        # Side by side, so that intervals of one share do not hide each other.
        place = own["share"] + 1.1 * (i - (parts["method"].nunique() - 1) / 2)
        spread = [own["value"] - own["low"], own["high"] - own["value"]]
        look = {"color": COLOURS[i], "marker": _MARKERS[i % 7], "linestyle": _STYLES[i % 4]}
        ax.errorbar(place, own["value"], yerr=spread, capsize=2, label=method, **look)
    if chance is not None:
        ax.axhline(chance, color=GREY, linestyle=":", label="chance")
    ax.set_xticks(sorted(parts["share"].unique()))
    ax.set(xlabel="kept dimensions (%)", ylabel=f"{metric} with its 95 % interval")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def conditions(tables: Mapping[str, pd.DataFrame], metric: str, ax: Axes | None = None) -> Axes:
    """Draw a score under several conditions, a line a variant.

    Args:
        tables: condition → columns ``value``, ``low``, ``high``, indexed by variant.
        metric: what the score is, for the axis.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(8, 4.2), layout="constrained")[1]
    names = list(tables)
    variants = list(tables[names[0]].index)
    for i, variant in enumerate(variants):
        own = pd.DataFrame([tables[name].loc[variant] for name in names])
        place = [j + 0.09 * (i - (len(variants) - 1) / 2) for j in range(len(names))]
        spread = [own["value"] - own["low"], own["high"] - own["value"]]
        look = {"color": COLOURS[i], "marker": _MARKERS[i % 7], "linestyle": _STYLES[i % 4]}
        ax.errorbar(place, own["value"], yerr=spread, capsize=2, label=variant, **look)
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(axis="x", rotation=20)
    ax.set(xlabel="test condition", ylabel=f"{metric} with its 95 % interval")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
