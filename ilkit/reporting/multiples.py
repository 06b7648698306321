"""Small multiples: the same picture of every policy, side by side."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ilkit.reporting.figures import MARKS, color_of
from ilkit.reporting.page import Section
from ilkit.reporting.paths import Paths
from ilkit.reporting.style import INK, MUTED, svg

T = TypeVar("T")

_WIDTH, _COLUMNS = 7.2, 4
_FLAT = 0.6
"""Maps that are lower than this, in their widths, are drawn as wide as the page allows."""
_MAX_POINTS = 256


def paths_section(paths: Paths, policies: Sequence[str]) -> Section:
    """The ways over the map."""

    def draw(axes: Axes, name: str, ways: list[Float[np.ndarray, "steps 2"]]) -> None:
        axes.imshow(paths.chart, extent=paths.ends, aspect="equal", zorder=0)
        for way, good in zip(ways, paths.succeeded[name], strict=True):
            color, style = (color_of(name, policies), "-") if good else (MUTED, (0, (2, 2)))
            axes.plot(*way.T, color=color, linewidth=0.8, alpha=0.7, linestyle=style)
            axes.plot(*way[-1], "o" if good else "x", color=color, markersize=2.5, mew=0.8)
        axes.set_xlim(paths.ends[:2])
        axes.set_ylim(paths.ends[2:])
        axes.set_axis_off()

    left, right, lower, upper = paths.ends
    shape = (upper - lower) / (right - left)
    columns = _COLUMNS if shape > _FLAT else min(_COLUMNS, len(paths.ways))
    count = len(next(iter(paths.ways.values())))
    told = (
        f"Where the first {count} evaluation episodes lead, which start from the same states for all, by the first seed"
    )
    if paths.by_seed:
        told = "Where the first evaluation episode leads, which starts from the same state for all, by every seed"
    return Section(
        "Ways",
        draw_each(paths.ways, draw, height=min(1.9, _WIDTH / columns * shape), columns=columns),
        f"{told} of each policy; dashed to a cross are those that were paid nothing.",
    )


def first_actions_section(actions: Mapping[str, Float[np.ndarray, "samples act"]], policies: Sequence[str]) -> Section:
    """The actions that are drawn in one state."""
    reference = actions.get("expert")
    learnt = {name: rows for name, rows in actions.items() if name != "expert"}
    size = next(iter(actions.values())).shape[1]
    everything = np.concatenate(list(actions.values()))
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.05 * (high - low) + 1e-3
    low, high = low - margin, high + margin

    def draw(axes: Axes, name: str, rows: Float[np.ndarray, "samples act"]) -> None:
        for shown, color, alpha in ((reference, INK, 0.35), (rows, color_of(name, policies), 0.7)):
            if shown is None:
                continue
            if size == 1:
                edges = np.linspace(low[0], high[0], 41).tolist()
                axes.hist(shown[:, 0], edges, color=color, alpha=alpha, density=True)
            else:
                axes.plot(*shown[:_MAX_POINTS, :2].T, "o", color=color, alpha=alpha, markersize=2.2, mew=0)
        axes.set_xlim(low[0], high[0])
        if size > 1:
            axes.set_ylim(low[1], high[1])

    plane = "its first two entries" if size > 2 else "both entries" if size == 2 else "how often each"
    against = ", over the expert's (dark)" if reference is not None else ""
    return Section(
        "Actions in one state",
        draw_each(learnt, draw, height=1.7),
        f"{len(next(iter(actions.values())))} actions that the first seed of each policy draws in the state that the "
        f"first evaluation episode starts from, {plane}{against}.",
    )


@matplotlib.rc_context(MARKS)
def draw_each(
    shown: Mapping[str, T],
    draw: Callable[[Axes, str, T], None],
    *,
    height: float,
    columns: int = _COLUMNS,
    labels: tuple[str, str] | None = None,
) -> str:
    """A picture of each policy, by `draw(axes, name, what is shown)`, of so many inches in height.

    With `labels` of both axes, all pictures share these.
    """
    rows, shared = -(-len(shown) // columns), labels is not None
    figure = Figure(figsize=(_WIDTH, (height + 0.25) * rows + 0.25 * shared), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared).ravel()
    for axes, (name, one) in zip(places, shown.items(), strict=False):
        draw(axes, name, one)
        axes.set_title(name)
    for index, axes in enumerate(places):
        if index >= len(shown):
            axes.set_axis_off()
        elif index + columns >= len(shown):
            axes.xaxis.set_tick_params(labelbottom=True)  # also above where the last row has no picture
    if labels is not None:
        figure.supxlabel(labels[0], fontsize=MARKS["font.size"])
        figure.supylabel(labels[1], fontsize=MARKS["font.size"])
    return svg(figure)
