"""Figures of policies and their goals: success, maps, success against distance."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, PercentFormatter

from ilkit.reporting.figures import MARKS, color_of, curve_axes, draw_curve, label_ends
from ilkit.reporting.goal_numbers import Reached
from ilkit.reporting.goal_runs import cell_numbers
from ilkit.reporting.style import LINE, svg

_WIDTH, _COLUMNS = 7.2, 3
_WIDEST = 96
"""How many letters a row of a legend has room for, with the marks."""


@matplotlib.rc_context(MARKS)
def draw_success(reached: Reached) -> str:
    """A row per policy: its success, on held-out and on seen pairs where these are told apart."""
    split = reached.tasks.held_out is not None
    figure = Figure(figsize=(_WIDTH, 0.7 + (0.5 if split else 0.36) * len(reached.scores)), layout="constrained")
    axes = figure.subplots()
    for row, name in enumerate(reached.scores):
        _draw_row(axes, reached, name, row)
    axes.set_yticks(range(len(reached.scores)), list(reached.scores))
    axes.set_ylim(len(reached.scores) - 0.45, -0.5)
    axes.set_xlim(-0.01, 1.01)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("goals reached")
    return svg(figure)


def _draw_row(axes: Axes, reached: Reached, name: str, row: int) -> None:
    color, one, hits = color_of(name, reached.policies), reached.scores[name], reached.hits[name]
    seen, held_out = reached.tasks.split
    rates = [(one.seen, seen, "white", 0.17), (one.held_out, held_out, color, -0.17)]
    if held_out is None:
        rates = [(one.success, np.ones(hits.shape[1], bool), color, 0.0)]
    for rate, group, fill, shift in rates:
        if rate is None or group is None:
            continue
        at = row + shift
        axes.plot(rate.wilson, [at, at], color=color, linewidth=2.2, solid_capstyle="butt", zorder=2)
        axes.plot([rate.rate], [at], "o", color=color, markersize=6, markerfacecolor=fill, zorder=3)
        seeds = hits[:, group].mean(axis=1)
        if len(seeds) > 1:
            axes.plot(seeds, np.full(len(seeds), at + 0.14), "o", color=color, markersize=2.5, mew=0)
    if name in reached.published:
        told = reached.published[name]
        at = row + 0.28
        axes.errorbar([told.share], [at], xerr=2 * told.deviation, fmt="D", color=color, mfc="none", ms=4.5, lw=0.8)


@matplotlib.rc_context(MARKS)
def draw_by_distance(reached: Reached) -> str:
    """A curve per policy with its band."""
    figure = Figure(figsize=(_WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, along in reached.along_distance.items():
        color = color_of(name, reached.policies)
        low, high = np.asarray([rate.wilson for rate in along.rates]).T
        axes.fill_between(along.away, low, high, color=color, alpha=0.13, linewidth=0)
        axes.plot(along.away, [rate.rate for rate in along.rates], "o-", color=color, linewidth=1.6, ms=3.5, label=name)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(left=0.0)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_xlabel("steps of the shortest way" if reached.tasks.knows_ways else "distance of the goal from the start")
    axes.set_ylabel("goals reached")
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    fitting = _WIDEST // (6 + max(map(len, reached.scores)))
    figure.legend(loc="outside upper left", ncols=min(len(reached.scores), fitting), columnspacing=1.2)
    return svg(figure)


@matplotlib.rc_context(MARKS)
def draw_along_training(reached: Reached) -> str:
    """Success along training, a curve per policy with its band, and its seeds."""
    curves = reached.along_training
    unit = next(iter(curves.values())).unit
    figure, axes = curve_axes("steps of the environment" if unit == "env_steps" else "training steps", "goals reached")
    for name, curve in curves.items():
        color = color_of(name, reached.policies)
        axes.plot(curve.steps, curve.rows.T, color=color, linewidth=0.5, alpha=0.4)
        draw_curve(axes, curve, color)
    axes.set_xlim(0.0, max(float(curve.steps[-1]) for curve in curves.values()))
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    label_ends(axes, {name: float(curve.iqm[-1]) for name, curve in curves.items()}, reached.policies)
    return svg(figure)


@matplotlib.rc_context(MARKS)
def draw_maps(reached: Reached) -> str:
    """A map per policy: each cell by how often it is reached as a goal, and the ways of failures."""
    assert reached.places is not None
    left, right, lower, upper = reached.places.ends
    names = list(reached.scores)
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    height = _WIDTH / columns * (upper - lower) / (right - left)
    figure = Figure(figsize=(_WIDTH, (height + 0.22) * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    pictures = [_draw_map(axes, reached, name) for axes, name in zip(panels, names, strict=False)]
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    bar = figure.colorbar(pictures[0], ax=list(panels), location="top", shrink=0.4, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    bar.set_label("how often a goal here is reached")
    return svg(figure)


def _draw_map(axes: Axes, reached: Reached, name: str) -> AxesImage:
    places, failures = reached.places, reached.failures[name]
    assert places is not None
    if places.chart is not None:
        axes.imshow(places.chart, extent=places.ends, aspect="equal", zorder=0)
    cells = cell_numbers(places.cells, places.goals)
    count = places.cells.rows * places.cells.columns
    asked = np.bincount(cells, minlength=count)
    won = np.bincount(cells, weights=reached.hits[name].mean(axis=0), minlength=count)
    shares = np.where(asked > 0, won / np.maximum(asked, 1), np.nan).reshape(places.cells.rows, places.cells.columns)
    picture = axes.imshow(
        shares, origin="lower", extent=places.cells.ends, cmap="YlGnBu", vmin=0.0, vmax=1.0, aspect="equal", zorder=1
    )
    for way in failures.ways:
        axes.plot(*way.T, color="#b3261e", linewidth=0.6, alpha=0.55, zorder=2)
    axes.plot(*failures.stuck.T, "x", color="#b3261e", markersize=3.2, mew=0.9, zorder=3)
    axes.set_xlim(places.ends[:2])
    axes.set_ylim(places.ends[2:])
    axes.set_axis_off()
    axes.set_title(f"{name}: {reached.scores[name].success.rate:.0%}")
    return picture
