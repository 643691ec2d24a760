"""The figures of chapter 5."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from serlib.plots import COLOURS, GREY

_LOOKS = [
    {"color": COLOURS[0], "marker": "o", "linestyle": "-"},
    {"color": COLOURS[1], "marker": "s", "linestyle": "--"},
    {"color": COLOURS[2], "marker": "^", "linestyle": "-."},
    {"color": COLOURS[4], "marker": "D", "linestyle": ":"},
    {"color": COLOURS[5], "marker": "v", "linestyle": "-"},
]


def three_views(frames: np.ndarray, mel: np.ndarray, functionals: np.ndarray, ssl: str) -> Figure:
    """Draw one utterance as its three encoders see it.

    Args:
        frames: (frames, dims) of the self-supervised view, already one layer.
        mel: (frames, bands), log-mel.
        functionals: (88,), z-scored.
        ssl: what the self-supervised view is, for its title.
    """
    figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
    for ax, array, title, low in [
        (axes[0], frames, ssl, "dimension"),
        (axes[1], mel, "log-mel", "mel band"),
    ]:
        # Each dimension over its own range, or one large dimension would hide the others.
        spread = (
            (array - array.mean(0)) / np.maximum(array.std(0), 1e-6) if ax is axes[0] else array
        )
        ax.imshow(spread.T, origin="lower", aspect="auto", cmap="magma", interpolation="nearest")
        ax.set(title=title, xlabel="frame", ylabel=low)
    axes[2].bar(np.arange(len(functionals)), functionals, color=COLOURS[0], width=1)
    axes[2].axhline(0, color=GREY, lw=0.8)
    axes[2].set(title="eGeMAPS, z-scored", xlabel="functional", ylabel="standard deviations")
    return figure


def similarities(
    matrices: Mapping[str, np.ndarray], views: Sequence[str], groups: Sequence[str]
) -> Figure:
    """Draw cosine similarities of one view's projections with another's, a panel a stage.

    Args:
        matrices: stage → (B, B); the diagonal holds the positives.
        views: the names of the view of the rows and of the columns.
        groups: what each utterance is shown under, (B,); those of a group stand together.
    """
    order = np.argsort(np.asarray(groups), kind="stable")
    names, sizes = np.unique(np.asarray(groups), return_counts=True)
    ends = np.cumsum(sizes) - 0.5
    middles = ends - sizes / 2
    size = (1.6 + 3.8 * len(matrices), 4)
    figure, axes = plt.subplots(1, len(matrices), squeeze=False, figsize=size, layout="constrained")
    for ax, (stage, matrix) in zip(axes[0], matrices.items(), strict=True):
        image = ax.imshow(matrix[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1)
        for end in ends[:-1]:
            ax.axhline(end, color="black", lw=0.6)
            ax.axvline(end, color="black", lw=0.6)
        ax.set_xticks(middles, names, rotation=30, ha="right")
        ax.set_yticks(middles, names)
        ax.set(title=stage, xlabel=f"utterances, {views[1]}", ylabel=f"utterances, {views[0]}")
    figure.colorbar(image, ax=axes[0], label="cosine similarity", shrink=0.8)
    return figure


def curves(
    table: pd.DataFrame,
    x: str,
    line: str,
    *,
    panel: str = "view",
    y: str = "value",
    label: str = "UAR",
    level: float | None = None,
    log: bool = True,
) -> Figure:
    """Draw a score against a setting: a panel a view, three a row, a line a training.

    Args:
        table: columns ``x``, ``line``, ``panel``, ``y``, and ``low`` and ``high`` if there are any.
        x: the column of the horizontal axis, numbers above 0 (or names, with ``log=False``).
        line: the column whose values are lines.
        panel: the column whose values are panels.
        y: the column that is drawn, shares in [−1, 1].
        label: what it is.
        level: a level to compare with (chance; 0 for a difference), a dotted line.
        log: a logarithmic horizontal axis; otherwise places, in the order of the table.
    """
    panels, lines = list(table[panel].unique()), list(table[line].unique())
    rows = -(-len(panels) // 3)
    columns = min(3, len(panels))
    figure, axes = plt.subplots(
        rows,
        columns,
        sharey=True,
        squeeze=False,
        figsize=(1.6 + 3.2 * columns, 3.4 * rows),
        layout="constrained",
    )
    places = {value: value if log else i for i, value in enumerate(table[x].unique())}
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, panels, strict=False):
        for i, which in enumerate(lines):
            own = table[(table[panel] == name) & (table[line] == which)]
            aside = (i - (len(lines) - 1) / 2) * 0.06  # so that intervals do not hide each other
            at = np.array([places[v] for v in own[x]], float)
            at = at * (1 + aside) if log else at + aside
            _line(ax, at, own, y, str(which), _LOOKS[i % len(_LOOKS)])
        if level is not None:
            ax.axhline(level, color=GREY, linestyle=":")
        if log:
            ax.set_xscale("log")
            ax.minorticks_off()
        ax.set_xticks(list(places.values()), [f"{v:g}" if log else v for v in places])
        ax.set(title=name, xlabel=x)
        ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{label} (%)")
    handles, names = axes[0][0].get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(handles, names, loc="outside right center", frameon=False)
    return figure


def _line(ax: Axes, at: np.ndarray, own: pd.DataFrame, y: str, name: str, look: dict) -> None:
    spread = None
    if {"low", "high"} <= {*own} and own[["low", "high"]].notna().all(axis=None):
        # A percentile interval need not contain the mean of several draws.
        spread = np.clip([own[y] - own["low"], own["high"] - own[y]], 0, None)
    ax.errorbar(at, own[y], yerr=spread, capsize=2, markersize=5, label=name, **look)


def alignment_and_score(
    points: pd.DataFrame, level: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw downstream UAR against PWCCA, a point a model, a colour and marker a view.

    Args:
        points: columns ``pwcca``, ``uar``, ``view``.
        level: chance, a dotted line.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(6, 3.8), layout="constrained")[1]
    for i, (view, own) in enumerate(points.groupby("view", sort=False)):
        look = _LOOKS[i % len(_LOOKS)]
        ax.scatter(
            own["pwcca"],
            own["uar"],
            s=22,
            alpha=0.7,
            label=view,
            color=[look["color"]],
            marker=look["marker"],
        )
    if level is not None:
        ax.axhline(level, color=GREY, linestyle=":", label="chance")
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    ax.set(xlabel="PWCCA of the view with the others, mean", ylabel="UAR (%)")
    ax.legend(fontsize="small")
    return ax


def pull_of_negatives(temperatures: Sequence[float], ax: Axes | None = None) -> Axes:
    """Draw how a negative's share of the push falls with its similarity, a line a temperature.

    Args:
        temperatures: τ > 0, a line each.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(6.5, 3.4), layout="constrained")[1]
    cosine = np.linspace(-1, 1, 200)
    for i, tau in enumerate(temperatures):
        look = _LOOKS[i % len(_LOOKS)] | {"marker": ""}
        ax.plot(cosine, np.exp((cosine - 1) / tau), label=f"τ = {tau:g}", **look)
    ax.set(
        xlabel="cosine similarity of a negative with the anchor",
        ylabel="push, relative to\na negative of similarity 1",
    )
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax
