"""The page of policies that differ in two ways: the picture, the numbers beside published ones, and training."""

from collections.abc import Iterator

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ilkit.measuring.curves import Curve
from ilkit.reporting.crossing import REFERENCES, Crossing, parted, verdict_of
from ilkit.reporting.figures import MARKS, color_of, draw_curve, name_above
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.style import MUTED, svg
from ilkit.reporting.tables import interval_cell, name_cell
from ilkit.reporting.wording import few_seeds, number

ALONG = {"return": "return", "accuracy": "accuracy", "learnt_reward": "learnt reward\na step"}
"""What is drawn along training, as far as it was recorded, and its label."""
_WIDE, _CROWDED = 12, 4
"""How much larger the largest place than the least must be for logarithms, and the range of all policies than that of
the better half, or of all training than that of its later half, for a picture of that half."""
_APART = 0.5
"""The width over which the series of one place are spread, in units of the least distance of places."""


def page_of(crossing: Crossing) -> str:
    """The whole page."""
    drawing = "drawing their actions" if crossing.stochastic else "by their modes"
    seeds = min(len(crossing.cells[name].outcomes) for name in crossing.policies)
    setting = f"{crossing.num_episodes:,} episodes of every training seed ({seeds}), the same ones for all, {drawing}."
    notes = few_seeds(seeds, crossing.confidence)
    return render_page(
        f"Compared on {crossing.task}",
        _sections(crossing),
        setting=[setting],
        verdict=[verdict_of(crossing)],
        notes=notes,
    )


def _sections(crossing: Crossing) -> Iterator[Section]:
    marks = " Diamonds are what was published, with 95 % intervals of the mean." * crossing.is_published
    yield Section(
        "What they return" if crossing.outcome == "return" else f"What they reach: {crossing.outcome}",
        draw_crossing(crossing),
        f"Means over all episodes, with {crossing.confidence:.0%} intervals over training seeds, each seed as a dot; "
        f"dashed lines belong to no place, with their intervals as bands.{marks}",
    )
    yield Section("In numbers", _table(crossing), _explained(crossing))
    drawn = [
        name for name in ALONG if any(name in one and one[name].unit == "env_steps" for one in crossing.curves.values())
    ]
    if drawn:
        yield Section(
            "Along training",
            draw_training(crossing, drawn),
            f"A column for each place, a color for each method as above, by steps of the environment: {_told(drawn)}.",
        )


def _told(drawn: list[str]) -> str:
    told = {
        "return": "the return in the environment's own rewards",
        "accuracy": "the accuracy with which a discriminator tells demonstrations from trials, or a policy agrees with "
        "answers (one half is a guess)",
        "learnt_reward": "what the learnt reward pays, in the range of the later half where peaks before it press that "
        "together. Where it rises and the return doesn't, it is earned for something else than the task",
    }
    return "; ".join(told[name] for name in drawn)


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
    head = (
        "policy",
        "seeds × episodes",
        "mean ± deviation",
        f"{crossing.confidence:.0%} interval of the mean",
        *(["published", "p"] if told else []),
    )
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
                f"{number(cell.mean, 1)} ± {cell.deviation:,.1f}",
                interval_cell(cell.interval, 1),
                *(beside if told else ()),
            )
        )
    return table(head, rows)


@matplotlib.rc_context(MARKS)
def draw_crossing(crossing: Crossing) -> str:
    """Series over places, with seeds, intervals, published marks and the references; the better half enlarged below,
    where the others press it together."""
    enlarged = _better_half(crossing)
    figure = Figure(figsize=(7.2, 3.9 if enlarged is None else 6.4), layout="constrained")
    panels = figure.subplots(1 if enlarged is None else 2, 1, squeeze=False, sharex=True).ravel()
    for axes in panels:
        _draw_all(axes, crossing)
        axes.set_ylabel(crossing.outcome)
        axes.grid(axis="y")
    if enlarged is not None:
        panels[-1].set_ylim(*enlarged)
        panels[-1].set_title("the better half, enlarged")
    panels[-1].set_xlabel(crossing.axis)
    name_above(figure, 6)
    return svg(figure)


def _draw_all(axes: Axes, crossing: Crossing) -> None:
    positions = _positions(crossing)
    least = min(np.diff([positions[place] for place in crossing.places]), default=1.0)
    at_places = [series for series in crossing.series if crossing.is_at_places(series)]
    shifts = _APART * least * (np.arange(len(at_places)) - (len(at_places) - 1) / 2) / len(at_places)
    for name in (*REFERENCES, *crossing.series):
        if name in crossing.cells and name not in at_places:
            cell, color = crossing.cells[name], color_of(name, crossing.series)
            axes.axhline(cell.mean, color=color, linewidth=0.9, linestyle=(0, (4, 3)), label=name)
            if name not in REFERENCES:
                axes.axhspan(*cell.interval, color=color, alpha=0.12, linewidth=0)
    for series, shift in zip(at_places, shifts, strict=True):
        _draw_series(axes, crossing, series, positions, float(shift))
    axes.set_xticks([positions[place] for place in crossing.places], list(crossing.places))


def _better_half(crossing: Crossing) -> tuple[float, float] | None:
    """The range of the better half of what isn't random; none where it is a good part of that of all."""
    cells = sorted((cell for name, cell in crossing.cells.items() if name != "random"), key=lambda cell: cell.mean)
    (low, high), (least, most) = (
        (min(cell.interval.low for cell in group), max(cell.interval.high for cell in group))
        for group in (cells[len(cells) // 2 :], cells)
    )
    margin = 0.1 * (high - low)
    return (low - margin, high + margin) if most - least > _CROWDED * (high - low) > 0 else None


def _positions(crossing: Crossing) -> dict[str, float]:
    """Where places lie: numbers in proportion, or their logarithms where they are of very different size."""
    numbered = bool(crossing.places) and all(place.isdecimal() for place in crossing.places)
    at = np.arange(len(crossing.places), dtype=float)
    if numbered:
        at = np.asarray([float(place) for place in crossing.places])
        at = np.log(at) if at[-1] > _WIDE * at[0] > 0 else at
    return {"": min(at.tolist(), default=0.0)} | dict(zip(crossing.places, at.tolist(), strict=True))


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
            axes.grid()
            if quantity == "accuracy":
                axes.axhline(0.5, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))
        if quantity == "learnt_reward":
            row[0].set_ylim(*_settled([own[quantity] for own in crossing.curves.values() if quantity in own]))
    for axes, place in zip(grid[0], places, strict=True):
        axes.set_title(f"{place} {crossing.axis}".strip())
    for axes in grid[-1]:
        axes.set_xlabel("steps of the environment")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:,.0f} k"))
    return svg(figure)


def _settled(curves: list[Curve]) -> tuple[float | None, float | None]:
    """The range of the later half of training; none where it is a good part of that of all."""
    later = [curve.at(curve.steps >= curve.steps[-1] / 2) for curve in curves]
    (low, high), (least, most) = (
        (min(float(one.interval.low.min()) for one in group), max(float(one.interval.high.max()) for one in group))
        for group in (later, curves)
    )
    margin = 0.1 * (high - low)
    return (low - margin, high + margin) if most - least > _CROWDED * (high - low) > 0 else (None, None)


def _recorded(crossing: Crossing, place: str) -> list[str]:
    """The policies of a place that were trained in the environment."""
    names = [own[place] for own in map(crossing.of, crossing.series) if place in own]
    return [
        name for name in names if any(curve.unit == "env_steps" for curve in crossing.curves.get(name, {}).values())
    ]
