"""The page of policies that differ in two ways: the picture, the numbers beside published ones, and training."""

from collections.abc import Iterator

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ilkit.reporting.crossing import REFERENCES, Crossing, parted
from ilkit.reporting.figures import MARKS, color_of, draw_curve
from ilkit.reporting.page import Section, prose, render_page, table
from ilkit.reporting.style import LINE, MUTED, svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import few_seeds

ALONG = {"return": "return", "accuracy": "accuracy of the\ndiscriminator", "learnt_reward": "learnt reward\na step"}
"""What is drawn along training, as far as it was recorded, and its label."""
_APART = 0.5
"""The width over which the series of one place are spread, in units of the least distance of places."""


def page_of(crossing: Crossing) -> str:
    """The whole page."""
    drawing = "drawing their actions" if crossing.stochastic else "by their modes"
    seeds = min(len(crossing.cells[name].outcomes) for name in crossing.policies)
    setting = f"{crossing.num_episodes:,} episodes of every training seed ({seeds}), the same ones for all, {drawing}."
    opening = f'<p class="setting">{prose(setting)}</p>'
    notes = few_seeds(seeds, crossing.confidence)
    closing = "<footer>{}</footer>\n".format("".join(f"<p>{prose(note)}</p>" for note in notes))
    return render_page(f"Compared on {crossing.task}", opening, _sections(crossing), closing)


def _sections(crossing: Crossing) -> Iterator[Section]:
    marks = " Diamonds are what was published, with 95 % intervals of the mean." * crossing.is_published
    yield Section(
        "What they return" if crossing.outcome == "return" else f"What they reach: {crossing.outcome}",
        draw_crossing(crossing),
        f"Means over all episodes, with {crossing.confidence:.0%} intervals over training seeds, each seed as a dot; "
        f"dashed lines are the expert and random actions.{marks}",
    )
    yield Section("In numbers", _table(crossing), _explained(crossing))
    drawn = [
        name for name in ALONG if any(name in one and one[name].unit == "env_steps" for one in crossing.curves.values())
    ]
    if drawn:
        yield Section(
            "Along training",
            draw_training(crossing, drawn),
            "A column for each place, by steps of the environment: the return in the environment's own rewards, how "
            "often the discriminator tells demonstrations and trials apart (one half: not at all), and what it pays. A "
            "reward that rises while the return doesn't is earned for something else than the task.",
        )


def _explained(crossing: Crossing) -> str:
    if not crossing.is_published:
        return "Mean and standard deviation are over all episodes of all training seeds."
    return (
        "Mean and standard deviation are over all episodes of all training seeds. p is Welch's, two-sided: how "
        "probable so large a difference from the published mean is if there is none. Episodes of one training run "
        "aren't independent, so that a small p says less than it seems to."
    )


def _table(crossing: Crossing) -> str:
    told = crossing.is_published
    head = ("policy", "seeds × episodes", "mean ± deviation", "interval", *(["published", "p"] if told else []))
    rows = []
    for name, cell in crossing.cells.items():
        seeds, episodes = cell.outcomes.shape
        beside, one = ("", ""), cell.published
        if one is not None:
            beside = (f"{one.mean:.1f} ± {one.deviation:.1f} ({one.num_episodes:,})", f"{cell.p:.2g}")
        rows.append(
            (
                name_cell(name, [name if one == parted(name)[0] else one for one in crossing.series]),
                f"{seeds} × {episodes}",
                f"{cell.mean:.1f} ± {cell.deviation:.1f}",
                f"{cell.interval.low:.1f} to {cell.interval.high:.1f}",
                *(beside if told else ()),
            )
        )
    return table(head, rows)


@matplotlib.rc_context(MARKS)
def draw_crossing(crossing: Crossing) -> str:
    """Series over places, with seeds, intervals, published marks and the references."""
    figure = Figure(figsize=(7.2, 3.9), layout="constrained")
    axes = figure.subplots()
    positions = _positions(crossing)
    least = min(np.diff([positions[place] for place in crossing.places]), default=1.0)
    count = len(crossing.series)
    shifts = _APART * least * (np.arange(count) - (count - 1) / 2) / count
    for name in REFERENCES:
        if name in crossing.cells:
            color = color_of(name, crossing.series)
            axes.axhline(crossing.cells[name].mean, color=color, linewidth=0.9, linestyle=(0, (4, 3)), label=name)
    for series, shift in zip(crossing.series, shifts, strict=True):
        _draw_series(axes, crossing, series, positions, float(shift))
    axes.set_xticks([positions[place] for place in crossing.places], list(crossing.places))
    axes.set_xlabel(crossing.axis)
    axes.set_ylabel(crossing.outcome)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper left", ncols=min(len(crossing.series) + 2, 6), columnspacing=1.2)
    return svg(figure)


def _positions(crossing: Crossing) -> dict[str, float]:
    numbered = bool(crossing.places) and all(place.isdecimal() for place in crossing.places)
    found = {place: float(place) if numbered else float(at) for at, place in enumerate(crossing.places)}
    return {"": min(found.values(), default=0.0)} | found


def _draw_series(axes: Axes, crossing: Crossing, series: str, positions: dict[str, float], shift: float) -> None:
    color, own = color_of(series, crossing.series), crossing.of(series)
    cells = {positions[place] + shift: crossing.cells[name] for place, name in own.items()}
    joined = all(place.isdecimal() for place in own)
    style = "o-" if joined else "o"
    axes.plot(list(cells), [cell.mean for cell in cells.values()], style, color=color, linewidth=1.2, label=series)
    for at, cell in cells.items():
        axes.plot([at, at], cell.interval, color=color, linewidth=2.0, alpha=0.6, solid_capstyle="butt")
        seeds = cell.outcomes.mean(axis=1)
        axes.plot(np.full(len(seeds), at), seeds, "o", color=color, markersize=2.5, alpha=0.6, mew=0)
        if cell.published is not None:
            error = 1.96 * cell.published.deviation / np.sqrt(cell.published.num_episodes)
            axes.errorbar(
                [at], [cell.published.mean], yerr=error, fmt="D", color=color, mfc="none", markersize=6, lw=0.8
            )


@matplotlib.rc_context(MARKS)
def draw_training(crossing: Crossing, drawn: list[str]) -> str:
    """A row for each quantity, a column for each place, a line for each series."""
    places = [place for place in (crossing.places or ("",)) if _recorded(crossing, place)] or [""]
    size = (max(7.2, 0.6 + 1.8 * len(places)), 0.7 + 1.5 * len(drawn))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(drawn), len(places), squeeze=False, sharex="col", sharey="row")
    for row, quantity in zip(grid, drawn, strict=True):
        row[0].set_ylabel(ALONG[quantity])
        for axes, place in zip(row, places, strict=True):
            for name in _recorded(crossing, place):
                if quantity in crossing.curves[name]:
                    series = next(one for one in crossing.series if name in crossing.of(one).values())
                    draw_curve(axes, crossing.curves[name][quantity], color_of(series, crossing.series))
            axes.grid(color=LINE, linewidth=0.5)
            axes.set_axisbelow(True)
            if quantity == "accuracy":
                axes.axhline(0.5, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
    for axes, place in zip(grid[0], places, strict=True):
        axes.set_title(f"{place} {crossing.axis}".strip())
    for axes in grid[-1]:
        axes.set_xlabel("steps of the environment")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:,.0f} k"))
    return svg(figure)


def _recorded(crossing: Crossing, place: str) -> list[str]:
    """The policies of a place that were trained in the environment."""
    names = [own[place] for own in map(crossing.of, crossing.series) if place in own]
    return [
        name for name in names if any(curve.unit == "env_steps" for curve in crossing.curves.get(name, {}).values())
    ]
