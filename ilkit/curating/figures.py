"""Figures of demonstrations as inline SVG whose colors are the page's variables."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ilkit.errors import DataError
from ilkit.reporting.style import FIGURE, MUTED, SERIES, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 48
"""How many dimensions are drawn of observations, and of actions."""
_COLUMNS = 4
_BINS = 40
_MOST_POINTS = 2000
_OBS, _ACTION = SERIES[:2]
_STYLE = FIGURE | {"font.size": 8, "axes.titlesize": 8, "axes.titlepad": 3}

Panels = Sequence[tuple[str, np.ndarray]]
"""Names with their numbers."""


def draw_histograms(panels: Panels, *, action: bool = False, columns: int = _COLUMNS) -> str:
    """A histogram for each: how many rows, over the range of what is finite."""
    with _styled():
        figure, grid = _grid(len(panels), columns, height=1.15)
        for axes, (name, numbers) in zip(grid, panels, strict=True):
            _histogram(axes, numbers[np.isfinite(numbers)], _ACTION if action else _OBS)
            axes.set_title(name)
        return svg(figure)


def draw_shares(shares: Sequence[float]) -> str:
    """A bar for each discrete action: how often it was taken."""
    with _styled():
        figure, (axes,) = _grid(1, 1, height=2.0)
        axes.bar(range(len(shares)), shares, color=_ACTION, width=0.8)
        if len(shares) <= 20:
            axes.set_xticks(range(len(shares)))
        axes.set_title("share of steps by action")
        return svg(figure)


def draw_curves(panels: Panels, *, action: bool = False) -> str:
    """The course of each over the steps of an episode."""
    with _styled():
        figure, grid = _grid(len(panels), _COLUMNS, height=1.05)
        for axes, (name, numbers) in zip(grid, panels, strict=True):
            steps = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), _MOST_POINTS)).astype(int))
            axes.plot(steps, numbers[steps], color=_ACTION if action else _OBS, linewidth=0.6)
            axes.margins(x=0)
            axes.set_title(name)
        return svg(figure)


def _histogram(axes: "Axes", numbers: np.ndarray, color: str) -> None:
    if not len(numbers):
        axes.text(0.5, 0.5, "no numbers", transform=axes.transAxes, ha="center", color=MUTED)
    else:
        counts, edges = np.histogram(numbers, _edges(numbers))
        axes.stairs(counts, edges, fill=True, color=color)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _edges(numbers: np.ndarray) -> Float[np.ndarray, " edges"]:
    low, high = float(numbers.min()), float(numbers.max())
    if numbers.dtype.kind in "iu" and high - low < _BINS:
        return np.arange(low - 2.5, high + 3.0)
    room = max(abs(low), abs(high)) * 1e-3 or 0.5 if high - low < 1e-6 * max(abs(low), abs(high), 1e-30) else 0.0
    return np.linspace(low - room, high + room, _BINS + 1)


def _grid(count: int, columns: int, *, height: float) -> "tuple[Figure, list[Axes]]":
    """As many axes as are asked for, `height` inches each, laid out without trial and error."""
    from matplotlib.figure import Figure

    rows = -(-count // columns)
    full = rows * (height + 0.42)
    figure = Figure(figsize=(7.2, full))
    grid = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    figure.subplots_adjust(
        left=0.05, right=0.975, top=1 - 0.2 / full, bottom=0.22 / full, hspace=0.42 / height, wspace=0.24
    )
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes in grid[:count]:
        axes.locator_params(axis="both", nbins=4)
        axes.ticklabel_format(useOffset=False)
        axes.tick_params(length=2, pad=1.5, labelsize=7)
    return figure, grid[:count]


def _styled() -> AbstractContextManager[None]:
    try:
        import matplotlib
    except ImportError as error:
        raise DataError("A page needs matplotlib. Install it: pip install matplotlib.") from error
    return matplotlib.rc_context(_STYLE)
