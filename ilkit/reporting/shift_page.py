"""The page about covariate shift: distances along the steps, errors along the steps, and the map."""

from collections.abc import Iterator

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ilkit.errors import counted
from ilkit.reporting.figures import MARKS, color_of, curve_axes, name_above
from ilkit.reporting.multiples import draw_each
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.shift_numbers import REFERENCES, Doubts, Places, Shifts, verdict_of
from ilkit.reporting.style import INK, MUTED, svg
from ilkit.reporting.tables import name_cell

_MAX_POINTS, _MAX_STRETCHES = 500, 100


def page_of(found: Shifts) -> str:
    """The whole page."""
    episodes = ", ".join(f"{name} ({counted(count, 'episode')})" for name, count in found.num_episodes.items())
    setting = f"The states of {episodes} beside {REFERENCES[found.source]} ({counted(found.num_reference, 'episode')})."
    return render_page(
        f"Covariate shift on {found.task}", _sections(found), setting=[setting], verdict=[verdict_of(found)]
    )


def _sections(found: Shifts) -> Iterator[Section]:
    yield Section(
        "Distance along the steps",
        draw_distances(found),
        f"The energy distance between the states of a policy and {REFERENCES[found.source]}, in standard deviations "
        f"of these; dashed, what {found.confidence:.0%} of random splits of all episodes stay below. The circle is the "
        "step by which the states so far surely differ, wherever one looks. An episode that has ended stays where it "
        "ended.",
    )
    if found.errors:
        yield Section(
            "Errors along the steps",
            draw_errors(found),
            "How far actions are from the expert's answers, in standard deviations of the expert's actions (of "
            "discrete ones, how often they differ): at the states that the policy visits itself and, dotted, at those "
            "that the expert visits.",
        )
    if found.doubts:
        yield Section(
            "Doubt along the steps",
            draw_doubts(found, found.doubts),
            "How uncertain the expert's action is at the states of a policy and, dotted, at "
            f"{REFERENCES[found.source]}: the standard deviation √(tr cov(s) / d), in units of the action. Where it is "
            "larger away from these, it knows that states are new.",
        )
    if found.places:
        yield _map(found, found.places)
    yield _table(found)


def _map(found: Shifts, places: Places) -> Section:
    def draw(axes: Axes, name: str, visited: Float[np.ndarray, "points 2"]) -> None:
        axes.plot(*_some(places.reference).T, "o", color=MUTED, markersize=1.8, alpha=0.5, mew=0)
        axes.plot(*_some(visited).T, "o", color=color_of(name, policies), markersize=1.8, alpha=0.6, mew=0)
        axes.plot(*_some(places.left[name]).T, "x", color=INK, markersize=4, mew=0.9)

    policies, (first, second) = tuple(found.shifts), places.dims
    return Section(
        "Where episodes leave",
        draw_each(places.visited, draw, height=1.9, labels=(f"observation {first}", f"observation {second}")),
        f"Visited states over {REFERENCES[found.source]} (gray), by two entries of the observation. A cross is where "
        "an episode leaves: its first state that is further from all of these, in all entries, than 95 % of their "
        "episodes ever are from the others.",
    )


def _table(found: Shifts) -> Section:
    head = (
        "policy",
        "mean distance",
        "p",
        "surely differ from step",
        "episodes that leave",
        "half by step",
        "errors",
        "growth",
    )
    rows = []
    for name, shift in found.shifts.items():
        errors = found.errors.get(name)
        rows.append(
            (
                name_cell(name, tuple(found.shifts)),
                f"{shift.test.distance.mean():.3g}",
                f"{shift.test.overall:.3g}",
                _known(shift.onset, 0),
                f"{shift.departures.share:.0%}",
                _known(shift.departures.median, 0),
                "" if errors is None else f"{errors.own.mean():.3g} / {errors.expert.mean():.3g}",
                "" if errors is None else _known(errors.growth, 2),
            )
        )
    return Section(
        "Numbers",
        table(head, rows),
        "p: of the mean distance over all steps, by permutations of whole episodes. Errors: at own states / at the "
        "expert's. Growth: the power of the number of steps with which errors add up, 1 where they stay as they are "
        "and 2 where they grow steadily. Half by step: empty where fewer than half of the episodes leave.",
    )


def _known(value: float, decimals: int) -> str:
    return f"{value:,.{decimals}f}" if np.isfinite(value) else ""


@matplotlib.rc_context(MARKS)
def draw_distances(found: Shifts) -> str:
    """A line per policy, and what is to be expected by chance."""
    figure, axes = _axes("energy distance")
    for name, shift in found.shifts.items():
        color = color_of(name, tuple(found.shifts))
        axes.plot(found.times, shift.test.distance, color=color, linewidth=1.7, label=name)
        axes.plot(found.times, shift.test.critical, color=color, linewidth=0.9, linestyle=(0, (4, 3)))
        if np.isfinite(shift.onset):
            at = int(np.searchsorted(found.times, shift.onset))
            axes.plot([shift.onset], [shift.test.distance[at]], "o", color=color, markersize=6, mfc="none")
    return _finished(figure)


@matplotlib.rc_context(MARKS)
def draw_errors(found: Shifts) -> str:
    """Two lines per policy."""
    figure, axes = _axes("error of actions")
    for name, errors in found.errors.items():
        color = color_of(name, tuple(found.shifts))
        axes.plot(*_smoothed(errors.own), color=color, linewidth=1.5, label=name)
        axes.plot(*_smoothed(errors.expert), color=color, linewidth=1.1, linestyle=(0, (1, 2)))
    return _finished(figure)


@matplotlib.rc_context(MARKS)
def draw_doubts(found: Shifts, doubts: Doubts) -> str:
    """A line per policy, and that of the reference."""
    figure, axes = _axes("doubt")
    for name, doubt in doubts.visited.items():
        axes.plot(found.times, doubt, color=color_of(name, tuple(found.shifts)), linewidth=1.5, label=name)
    axes.plot(found.times, doubts.reference, color=INK, linewidth=1.1, linestyle=(0, (1, 2)))
    return _finished(figure)


def _axes(label: str) -> tuple[Figure, Axes]:
    figure, axes = curve_axes("step of the episode", label)
    axes.grid(axis="y")
    axes.margins(x=0.01)
    return figure, axes


def _finished(figure: Figure) -> str:
    name_above(figure)
    return svg(figure)


def _smoothed(errors: Float[np.ndarray, " steps"]) -> tuple[np.ndarray, np.ndarray]:
    """The middles of stretches of steps, and the means over them."""
    stretches = np.array_split(np.arange(len(errors)), min(len(errors), _MAX_STRETCHES))
    return np.asarray([one.mean() for one in stretches]), np.asarray([errors[one].mean() for one in stretches])


def _some(points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "chosen 2"]:
    return points[np.unique(np.linspace(0, max(len(points) - 1, 0), min(len(points), _MAX_POINTS)).astype(int))]
