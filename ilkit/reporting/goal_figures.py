"""Figures of policies and their goals: success, maps, success against distance."""

from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, PercentFormatter

from ilkit.measuring.goals import Along
from ilkit.reporting.figures import (
    MARKS,
    color_of,
    curve_axes,
    draw_curve,
    label_ends,
    name_above,
    name_rows,
    wide_axes,
)
from ilkit.reporting.goal_numbers import Reached
from ilkit.reporting.goal_runs import Failures, Places, cell_numbers
from ilkit.reporting.multiples import draw_each
from ilkit.reporting.style import MUTED, svg

_WIDTH, _COLUMNS = 7.2, 3
_LONG = 22
"""From how many letters on a name has a line of its own above its map."""
_FAILED = "#b3261e"
_WAY_MARKS: dict[str, dict[str, Any]] = {
    "start": {"marker": "o", "color": "white", "markeredgecolor": _FAILED, "markersize": 4.2, "markeredgewidth": 0.9},
    "end": {"marker": "x", "color": _FAILED, "markersize": 4.2, "markeredgewidth": 1.1},
    "goal": {"marker": "*", "color": "#ffb000", "markeredgecolor": "black", "markersize": 6.5, "markeredgewidth": 0.4},
}
"""How the points of a failed episode are drawn."""


@matplotlib.rc_context(MARKS)
def draw_success(reached: Reached) -> str:
    """A row per policy: its success, on held-out and on seen pairs where these are told apart."""
    split = reached.tasks.held_out is not None
    height = 0.7 + (0.5 if split else 0.36) * len(reached.scores) + 0.25 * split
    figure, axes = wide_axes("goals reached", "", height)
    for row, name in enumerate(reached.scores):
        _draw_row(axes, reached, name, row)
    name_rows(axes, list(reached.scores))
    axes.set_xlim(-0.01, 1.01)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    if split:
        for label, fill in (("held-out pairs of start and goal", MUTED), ("all other pairs", "white")):
            axes.plot([], [], "o", color=MUTED, markersize=6, markerfacecolor=fill, label=label)
        name_above(figure)
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


def draw_by_distance(reached: Reached) -> str:
    """A picture per policy: its curve with the interval of each group, over the curves of all others in gray."""

    def draw(axes: Axes, name: str, along: Along) -> None:
        for other in reached.along_distance.values():
            axes.plot(other.away, [rate.rate for rate in other.rates], color=MUTED, linewidth=0.9, alpha=0.4, zorder=1)
        color = color_of(name, reached.policies)
        axes.vlines(along.away, *zip(*(rate.wilson for rate in along.rates), strict=True), color=color, linewidth=1.3)
        axes.plot(along.away, [rate.rate for rate in along.rates], "o-", color=color, linewidth=1.6, markersize=3.5)
        axes.set_ylim(-0.04, 1.04)
        axes.set_xlim(left=0.0)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.set_yticks([0.0, 0.5, 1.0])

    away = "steps of the shortest way from start to goal" if reached.tasks.knows_ways else "distance from start to goal"
    return draw_each(
        reached.along_distance, draw, height=1.25, columns=_COLUMNS, labels=(away, "share of goals reached")
    )


@matplotlib.rc_context(MARKS)
def draw_along_training(reached: Reached) -> str:
    """Success along training, a curve per policy with its band, and its seeds."""
    curves = reached.along_training
    unit = next(iter(curves.values())).unit
    figure, axes = curve_axes("steps of the environment" if unit == "env_steps" else "training steps", "goals reached")
    for name, curve in curves.items():
        color = color_of(name, reached.policies)
        draw_curve(axes, curve, color, seeds=True)
    axes.set_xlim(0.0, max(float(curve.steps[-1]) for curve in curves.values()))
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid()
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
    bar.set_label("how often a goal in this cell is reached")
    keys = [Line2D([], [], **style, linestyle="none", label=label) for label, style in _WAY_MARKS.items()]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), title="failed episodes")
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
    for way, goal in zip(failures.ways, places.goals[failures.episodes], strict=True):
        axes.plot(*way.T, color=_FAILED, linewidth=0.8, zorder=2)
        axes.plot(*np.stack([way[-1], goal]).T, color=_FAILED, linewidth=0.7, linestyle=(0, (1, 2)), zorder=2)
    axes.plot(*failures.stuck.T, "x", color=_FAILED, markersize=2.6, markeredgewidth=0.7, alpha=0.6, zorder=2)
    for label, points in _marked(places, failures).items():
        axes.plot(*points.T, **_WAY_MARKS[label], linestyle="none", zorder=3)
    axes.set_xlim(places.ends[:2])
    axes.set_ylim(places.ends[2:])
    axes.set_axis_off()
    apart = ": " if max(map(len, reached.scores)) < _LONG else "\n"
    axes.set_title(f"{name}{apart}{reached.scores[name].success.rate:.0%}")
    return picture


def _marked(places: Places, failures: Failures) -> dict[str, Float[np.ndarray, "points 2"]]:
    """Where failed episodes start and end, and where they were meant to end.

    Where all episodes start in one cell, that is marked without failures, too.
    """
    shared = len(np.unique(cell_numbers(places.cells, places.starts))) == 1
    starts = [way[0] for way in failures.ways] or [places.starts[0]] * shared
    ends = {"start": starts, "end": [way[-1] for way in failures.ways], "goal": places.goals[failures.episodes]}
    return {label: np.reshape(points, (-1, 2)) for label, points in ends.items()}
