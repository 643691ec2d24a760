"""One function a figure: tables in, labelled axes out, in colours the colour-blind can tell apart.

Shares such as UAR are drawn in per cent. Whoever shows a figure writes its title, caption and alt
text: only they know which corpus it is of.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

COLOURS = sns.color_palette("colorblind")
GREY = "0.45"


def confusion(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix: a cell says its count, its colour the share of the true class.

    Args:
        frame: counts, rows = truth, columns = prediction, as ``protocols.confusion`` gives them.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(1.2 + 0.8 * len(frame), 0.8 + 0.7 * len(frame)))[1]
    # A class that never occurs has no shares; its row stays pale and its counts say 0.
    shares = frame.div(frame.sum(axis=1).replace(0, 1), axis=0)
    bar = {"label": "share of the true class (%)", "format": PercentFormatter(1, symbol="")}
    sns.heatmap(
        shares, vmin=0, vmax=1, annot=frame, fmt="d", cmap="Blues", square=True, cbar_kws=bar, ax=ax
    )
    ax.set(xlabel="predicted emotion", ylabel="true emotion")
    ax.tick_params(axis="y", rotation=0)
    return ax


def intervals(
    table: pd.DataFrame,
    chance: float | None = None,
    paper: float | None = None,
    metric: str = "UAR",
    ax: Axes | None = None,
) -> Axes:
    """Draw a dot with its interval for each variant, from top to bottom as in the table.

    Args:
        table: columns ``variant``, ``value``, ``low``, ``high``; shares in [0, 1].
        chance: chance level, a dotted line.
        paper: the paper's figure, a dashed line.
        metric: what ``value`` is, for the axis.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(6, 1.2 + 0.45 * len(table)))[1]
    _dots(ax, table["variant"], table)
    if chance is not None:
        ax.axvline(chance, color=GREY, linestyle=":", label="chance")
    if paper is not None:
        ax.axvline(paper, color=COLOURS[3], linestyle="--", label="paper")
    if chance is not None or paper is not None:
        _legend(ax)
    ax.set(xlabel=f"{metric} (%) with its 95 % interval", ylabel="variant")
    return ax


def history(frame: pd.DataFrame) -> Figure:
    """Draw a fit: the training losses above, the validation UAR below, both by epoch.

    Args:
        frame: one row an epoch: ``epoch``, ``uar`` and the losses, as ``training.Fit.history``.
    """
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(6, 5), layout="constrained")
    for i, name in enumerate(c for c in frame.columns if c not in ("epoch", "uar")):
        # The line style, too, tells the losses apart.
        style = ("-", "--", ":", "-.")[i % 4]
        above.plot(frame["epoch"], frame[name], style, color=COLOURS[i % 10], label=name)
    below.plot(frame["epoch"], frame["uar"], ".-", color=COLOURS[0])
    best = frame.loc[frame["uar"].idxmax()]
    below.axvline(best["epoch"], color=GREY, linestyle=":", label=f"best: epoch {best['epoch']:g}")
    above.set(ylabel="training loss")
    below.set(xlabel="epoch", ylabel="validation UAR (%)")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    _legend(above)
    _legend(below)
    return figure


def projection(
    xy: np.ndarray, labels: Sequence[str], title: str, name: str = "", ax: Axes | None = None
) -> Axes:
    """Draw points of a plane, coloured by a label; each label has a marker of its own as well.

    Args:
        xy: (points, 2), e.g. from PCA.
        labels: one a point.
        title: what is projected.
        name: what the labels are, e.g. ``"speaker"``; heads the legend.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(6, 4), layout="constrained")[1]
    labels = pd.Series(labels, dtype="str").to_numpy()
    order = sorted(set(labels))
    palette = [COLOURS[i % len(COLOURS)] for i in range(len(order))]
    sns.scatterplot(
        x=xy[:, 0],
        y=xy[:, 1],
        hue=labels,
        style=labels,
        hue_order=order,
        style_order=order,
        palette=palette,
        alpha=0.8,
        ax=ax,
    )
    ax.set(title=title, xlabel="first component (a. u.)", ylabel="second component (a. u.)")
    _legend(ax, title=name or None, ncols=1 + len(order) // 13)
    return ax


def fbank(
    array: np.ndarray, shift: float = 0.01, colour: str = "log energy", ax: Axes | None = None
) -> Axes:
    """Draw a filterbank as an image: time to the right, mel bands upwards.

    Args:
        array: (frames, bands).
        shift: seconds from one frame to the next.
        colour: what a value is, for the colour bar.
        ax: where to draw; None makes a new figure.
    """
    ax = ax or plt.subplots(figsize=(7, 2.8), layout="constrained")[1]
    frames, bands = array.shape
    extent = (0, frames * shift, 0.5, bands + 0.5)
    image = ax.imshow(array.T, origin="lower", aspect="auto", cmap="magma", extent=extent)
    ax.figure.colorbar(image, ax=ax, label=colour)
    ax.set(xlabel="time (s)", ylabel="mel band")
    return ax


def probes(table: pd.DataFrame) -> Figure:
    """Draw what a linear probe reads out of each subspace: a panel a target, a dot a subspace.

    Args:
        table: columns ``subspace``, ``target``, ``accuracy``, ``low``, ``high``, ``chance``; shares
            in [0, 1], one chance level a target.
    """
    targets = list(table["target"].unique())
    size = (1 + 3 * len(targets), 1.4 + 0.4 * table["subspace"].nunique())
    figure, axes = plt.subplots(
        1, len(targets), sharex=True, sharey=True, squeeze=False, figsize=size, layout="constrained"
    )
    for ax, target in zip(axes[0], targets, strict=True):
        part = table[table["target"] == target]
        _dots(ax, part["subspace"], part.rename(columns={"accuracy": "value"}))
        ax.axvline(part["chance"].iloc[0], color=GREY, linestyle=":", label="chance")
        ax.set(title=target, xlabel="probe accuracy (%)", ylabel="")
    axes[0][0].set_ylabel("subspace")
    axes[0][-1].legend(frameon=False, loc="best")
    return figure


def _dots(ax: Axes, names: Sequence[str], table: pd.DataFrame) -> None:
    places = np.arange(len(table))
    value = table["value"].to_numpy()
    spread = [value - table["low"], table["high"] - value]
    ax.errorbar(value, places, xerr=spread, fmt="o", color=COLOURS[0], capsize=3)
    ax.set_yticks(places, names)
    ax.set_ylim(len(table) - 0.5, -0.5)  # The table's first row on top.
    ax.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))


def _legend(ax: Axes, **options) -> None:
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), **options)
