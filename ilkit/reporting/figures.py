"""Figures as inline SVG: text stays text, colors are the page's variables, so that a figure follows light and dark."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ilkit.data.spaces import Discrete
from ilkit.measuring.comparison import Measurement, Score
from ilkit.measuring.curves import Curve
from ilkit.reporting.findings import ActionSample, StateMap
from ilkit.reporting.style import FIGURE, INK, MUTED, SERIES, VARIABLES, svg

MARKS = FIGURE | {"font.size": 9, "axes.titlesize": 9, "legend.frameon": False, "legend.handlelength": 1.2}
"""Settings of matplotlib for figures of a report."""
_MAX_POINTS = 600
MOST_DIMS = 4
"""How many dimensions of the action are drawn."""


def variable_of(name: str, policies: Sequence[str]) -> str:
    """The page's color variable of a policy: a series for each learnt one, ink and muted for the references."""
    references = {"expert": "ink", "demonstrated": "ink", "random": "muted"}
    return references[name] if name in references else f"series-{list(policies).index(name) % len(SERIES)}"


@matplotlib.rc_context(MARKS)
def draw_outcomes(
    measured: Mapping[str, Measurement], scores: Mapping[str, Score], policies: Sequence[str], *, label: str
) -> str:
    """A row per policy: its score with the interval, and every training seed as a dot below."""
    figure, axes = wide_axes(label, "", 0.62 + 0.36 * len(scores))
    for row, (name, score) in enumerate(scores.items()):
        color = color_of(name, policies)
        axes.plot(score.interval, [row, row], color=color, linewidth=2.2, solid_capstyle="butt")
        axes.plot([score.iqm], [row], "o", color=color, markersize=6.5)
        seeds = measured[name].outcomes.mean(axis=1)
        if len(seeds) > 1:
            axes.plot(seeds, np.full(len(seeds), row + 0.33), "o", color=color, markersize=2.8, alpha=0.8, mew=0)
    name_rows(axes, list(scores))
    return svg(figure)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Writes a name beside each row, from the top, in place of the vertical axis."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


@matplotlib.rc_context(MARKS)
def draw_learning(
    curves: Mapping[str, Curve],
    evaluated: Mapping[str, Score],
    policies: Sequence[str],
    *,
    x_label: str,
    y_label: str,
    first: float = 0.0,
) -> str:
    """Curves of training with their seeds, and what was evaluated: at their ends, of the others at the first step."""
    figure, axes = curve_axes(x_label, y_label)
    for name, curve in curves.items():
        draw_curve(axes, curve, color_of(name, policies), seeds=True)
    end = max(float(curve.steps[-1]) for curve in curves.values())
    for name, score in evaluated.items():
        color, at = color_of(name, policies), float(curves[name].steps[-1]) if name in curves else first
        if name not in curves:
            axes.axhline(score.iqm, color=color, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot([at, at], score.interval, color=color, linewidth=1.2, clip_on=False)
        axes.plot([at], [score.iqm], "o", color=color, markersize=5, mfc="none", clip_on=False, zorder=5)
    axes.set_xlim(0.0, end)
    label_ends(axes, {name: score.iqm for name, score in evaluated.items()}, policies)
    return svg(figure)


@matplotlib.rc_context(MARKS)
def draw_losses(curves: Mapping[str, Curve], policies: Sequence[str], *, x_label: str, y_label: str) -> str:
    """A curve per policy with its band."""
    figure, axes = curve_axes(x_label, y_label)
    for name, curve in curves.items():
        draw_curve(axes, curve, color_of(name, policies))
    axes.margins(x=0)
    label_ends(axes, {name: float(curve.iqm[-1]) for name, curve in curves.items()}, policies)
    return svg(figure)


def curve_axes(x_label: str, y_label: str, height: float = 2.9) -> tuple[Figure, Axes]:
    """A figure for curves, with grouped digits along the steps."""
    figure, axes = wide_axes(x_label, y_label, height)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return figure, axes


def wide_axes(x_label: str, y_label: str, height: float) -> tuple[Figure, Axes]:
    """A figure as wide as the page, of so many inches in height."""
    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return figure, axes


def extent_of(x: Float[np.ndarray, " columns"], y: Float[np.ndarray, " rows"]) -> tuple[float, float, float, float]:
    """The ends of a picture whose cells have these middles."""
    across, up = (x[1] - x[0]) / 2, (y[1] - y[0]) / 2
    return float(x[0] - across), float(x[-1] + across), float(y[0] - up), float(y[-1] + up)


def name_above(figure: Figure, most: int = 5) -> None:
    """Writes what the colors of the first picture stand for above all of them, at most so many names a row."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=min(len(labels), most))


def draw_curve(axes: Axes, curve: Curve, color: str, *, seeds: bool = False) -> None:
    """A curve with its band and, if asked for, its seeds."""
    if seeds:
        axes.plot(curve.steps, curve.rows.T, color=color, linewidth=0.5, alpha=0.4)
    axes.fill_between(curve.steps, *curve.interval, color=color, alpha=0.16, linewidth=0)
    axes.plot(curve.steps, curve.iqm, color=color, linewidth=1.7)


@matplotlib.rc_context(MARKS)
def draw_uncertainty(state_map: StateMap) -> str:
    """The map of the standard deviation of the expert's action, with the demonstrated states on it."""
    grid, names = state_map.grid, state_map.names
    figure, axes = wide_axes(*names, 3.8)
    top, extent = float(grid.scale.max()) or 1.0, extent_of(grid.x, grid.y)
    picture = axes.imshow(grid.scale, origin="lower", extent=extent, aspect="auto", cmap="viridis", vmin=0.0, vmax=top)
    axes.plot(
        *_one_in_each_cell(state_map).T,
        "o",
        color="white",
        markersize=2.4,
        markeredgecolor="black",
        markeredgewidth=0.35,
    )
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])
    bar = figure.colorbar(picture, ax=axes, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_label("standard deviation of the action")
    return svg(figure)


@matplotlib.rc_context(MARKS)
def draw_actions(actions: ActionSample, policies: Sequence[str]) -> str:
    """What is done at demonstrated states: how often each action, and the first policy's mode against the expert."""
    if isinstance(actions.spaces.action, Discrete):
        return _draw_choices(actions, actions.spaces.action.size, policies)
    dims = min(actions.spaces.action.size, MOST_DIMS)
    figure = Figure(figsize=(7.2, 2.4 * dims), layout="constrained")
    for dim, (left, right) in enumerate(figure.subplots(dims, 2, squeeze=False, width_ratios=(1.7, 1))):
        label = f"action {dim}" if dims > 1 else "action"
        _draw_density(left, actions, dim, label, policies)
        _draw_agreement(right, actions, dim, label, policies)
    name_above(figure)
    return svg(figure)


def _draw_density(axes: Axes, actions: ActionSample, dim: int, label: str, policies: Sequence[str]) -> None:
    edges = actions.bins(dim).tolist()
    axes.hist(actions.demonstrated[:, dim], edges, density=True, color=INK, alpha=0.25, label="demonstrated")
    for name, rows in actions.samples.items():
        color = color_of(name, policies)
        axes.hist(rows[:, dim], edges, density=True, histtype="step", color=color, linewidth=1.3, label=name)
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(label)
    axes.set_ylabel("density")


def _draw_agreement(axes: Axes, actions: ActionSample, dim: int, label: str, policies: Sequence[str]) -> None:
    name, rows = next(iter(actions.modes.items()))
    demonstrated = actions.demonstrated[:, dim]
    ends, chosen = [demonstrated.min(), demonstrated.max()], _spread(len(demonstrated), _MAX_POINTS)
    color = color_of(name, policies)
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, zorder=1)
    axes.plot(demonstrated[chosen], rows[chosen, dim], "o", color=color, markersize=2, alpha=0.5, mew=0)
    axes.set_xlabel(f"demonstrated {label}")
    axes.set_ylabel(f"{label} of {name}")


def _draw_choices(actions: ActionSample, size: int, policies: Sequence[str]) -> str:
    figure, axes = wide_axes("action", "share of states", 2.4)
    rows = {"demonstrated": actions.demonstrated, **actions.samples}
    width = 0.8 / len(rows)
    for index, (name, taken) in enumerate(rows.items()):
        shares = np.bincount(taken.astype(int), minlength=size) / len(taken)
        color, alpha = (INK, 0.3) if name == "demonstrated" else (color_of(name, policies), 0.9)
        axes.bar(np.arange(size) - 0.4 + (index + 0.5) * width, shares, width, color=color, alpha=alpha, label=name)
    axes.set_xticks(range(size))
    name_above(figure)
    return svg(figure)


def label_ends(axes: Axes, ends: Mapping[str, float], policies: Sequence[str]) -> None:
    """Writes each name at the right edge, at its height or as near as the others allow."""
    low, high = axes.get_ylim()
    gap, names = 0.075 * (high - low), sorted(ends, key=lambda name: ends[name])
    heights, floor = [], -np.inf
    for name in names:
        heights.append(max(ends[name], floor))
        floor = heights[-1] + gap
    ceilings = high - gap * np.arange(len(names))[::-1]
    for name, height in zip(names, np.minimum(heights, ceilings), strict=True):
        axes.annotate(
            name,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=color_of(name, policies),
        )


def _one_in_each_cell(state_map: StateMap) -> Float[np.ndarray, "chosen 2"]:
    """The first state in each cell of the map, so that where the demonstrations dwell is no blot."""
    chosen = np.unique(state_map.cells, axis=0, return_index=True)[1]
    return state_map.states[chosen[_spread(len(chosen), _MAX_POINTS)]]


def color_of(name: str, policies: Sequence[str]) -> str:
    """The color of a policy."""
    variable = variable_of(name, policies)
    return next(color for color, known in VARIABLES.items() if known == variable)


def _spread(count: int, at_most: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).astype(int))
