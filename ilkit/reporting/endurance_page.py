"""The page about how much disturbance policies endure: the figure, the leads over the references, and the tables."""

from collections.abc import Iterator

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ilkit.errors import counted
from ilkit.reporting.endurance_numbers import Endured, sentences_of
from ilkit.reporting.figures import MARKS, color_of, name_above, wide_axes
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.style import INK, MUTED, svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import counted_seeds, few_seeds, number


def page_of(found: Endured) -> str:
    """The whole page."""
    seeds = counted_seeds({name: found.found[name].num_seeds for name in found.policies})
    episodes, steps = found.num_demonstrated
    survived = "" if found.threshold is None else f" An episode survives from a return of {found.threshold:g} on."
    setting = (
        f"{seeds}, beside {counted(episodes, 'demonstrated episode')} ({counted(steps, 'step')}) of this task; "
        f"{counted(found.num_episodes, 'evaluation episode')} of each seed at each strength of {found.what}, with the "
        f"same starts and disturbances for all.{survived}"
    )
    return render_page(
        f"Disturbed on {found.task}",
        _sections(found),
        setting=[setting],
        verdict=sentences_of(found),
        notes=few_seeds(min(found.found[name].num_seeds for name in found.policies), found.confidence),
    )


def _sections(found: Endured) -> Iterator[Section]:
    yield Section(
        "Against the strength of the disturbance",
        draw_endurance(found),
        f"The {found.outcome} against the standard deviation of the {found.what} added to actions, in half ranges of "
        f"these, beside each other so that no interval hides another; vertical lines are {found.confidence:.0%} "
        "intervals over training seeds, of one seed over its episodes.",
    )
    if found.leads:
        yield Section(
            "In pairs",
            draw_leads(found),
            f"What a policy does better than its reference under the same disturbances, with {found.confidence:.0%} "
            "intervals of the differences, seed by seed.",
        )
    yield Section("In numbers", _table(found), f"Means with {found.confidence:.0%} intervals.")


def _table(found: Endured) -> str:
    head = ("policy", "seeds", *(f"σ = {strength:g}" for strength in found.strengths))
    rows = []
    for name, one in found.found.items():
        cells = [
            f'{found.told(value)}<br><span class="beside">{found.told(low)} to {found.told(high)}</span>'
            for value, low, high in zip(one.mean, *one.interval, strict=True)
        ]
        rows.append((name_cell(name, found.policies), f"{one.num_seeds}", *cells))
    return table(head, rows)


@matplotlib.rc_context(MARKS)
def draw_endurance(found: Endured) -> str:
    """Outcomes against the strength, beside each other so that no interval hides another."""
    figure, axes = _axes(found, found.outcome)
    for place, (name, one) in enumerate(found.found.items()):
        color, at = color_of(name, found.policies), _beside(found, place, len(found.found))
        axes.vlines(at, *one.interval, color=color, linewidth=1.4)
        style = "--" if name == "expert" else "-"
        axes.plot(at, one.mean, style, color=color, linewidth=1.2, marker="o", markersize=4, label=name)
    if found.threshold is not None:
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    name_above(figure)
    return svg(figure)


@matplotlib.rc_context(MARKS)
def draw_leads(found: Endured) -> str:
    """Differences to the references against the strength, beside each other so that no interval hides another."""
    figure, axes = _axes(found, "difference of " + ("returns" if found.threshold is None else "shares (points)"))
    axes.axhline(0.0, color=INK, linewidth=0.9)
    for place, one in enumerate(found.leads):
        color, at = color_of(one.name, found.policies), _beside(found, place, len(found.leads))
        axes.vlines(at, *one.interval, color=color, linewidth=1.4)
        axes.plot(at, one.difference, "o", color=color, markersize=5, label=f"{one.name} − {one.reference}")
    if found.threshold is not None:
        axes.yaxis.set_major_formatter(lambda value, _: number(100 * value, 0, signed=True))
    name_above(figure, 2)
    return svg(figure)


def _beside(found: Endured, place: int, count: int) -> Float[np.ndarray, " strengths"]:
    """Where the strengths of one of so many are drawn, a little apart from those of the others."""
    step = 0.012 * float(found.strengths[-1] - found.strengths[0])
    return np.asarray(found.strengths + step * (place - (count - 1) / 2))


def _axes(found: Endured, y_label: str) -> tuple[Figure, Axes]:
    label = f"standard deviation of the {found.what} (half ranges of the actions)"
    figure, axes = wide_axes(label, y_label, 3.4)
    axes.set_xticks(found.strengths)
    axes.grid()
    axes.tick_params(color=MUTED)
    return figure, axes
