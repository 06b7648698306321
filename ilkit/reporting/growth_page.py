"""The page about how costs grow with the horizon: the figure on logarithmic axes, and the tables."""

from collections.abc import Iterator

import matplotlib
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ilkit.errors import counted
from ilkit.measuring.growth import Growth
from ilkit.reporting.figures import MARKS, color_of, name_above, wide_axes
from ilkit.reporting.growth_numbers import Growths, exponents_of, verdict_of
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.style import MUTED, svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import counted_seeds, few_seeds


def page_of(found: Growths) -> str:
    """The whole page."""
    episodes, steps = found.num_demonstrated
    seeds = counted_seeds({name: found.num_seeds[name] for name in found.policies})
    demonstrated = f"{counted(episodes, 'demonstrated episode')} ({counted(steps, 'step')})"
    run = f"{counted(found.num_episodes, 'evaluation episode')} of each seed"
    setting = f"{seeds}, beside {demonstrated}; {run}."
    return render_page(
        f"Compounding errors on {found.task}",
        _sections(found),
        setting=[setting],
        verdict=[verdict_of(found)],
        notes=few_seeds(min(found.num_seeds[name] for name in found.policies), found.confidence),
    )


def _sections(found: Growths) -> Iterator[Section]:
    exact = "; lines are exact" if any(one.exact is not None for one in found.growths.values()) else ""
    yield Section(
        "Cost against the horizon",
        draw_growth(found),
        f"The cost of the first T steps of an episode on logarithmic axes: dots with {found.confidence:.0%} intervals "
        f"are simulated{exact}. Dashed: costs in proportion to T and to its square.",
    )
    head = ("policy", "exponent", f"{found.confidence:.0%} interval", "exact exponent")
    rows = [
        (
            name_cell(name, found.policies),
            *exponents_of(growth, found),
        )
        for name, growth in found.growths.items()
    ]
    yield Section(
        "Exponents",
        table(head, rows),
        "The slope of the least-squares line through the logarithms of all horizons and mean costs: 2 where errors "
        "compound, 1 where they don't.",
    )
    yield Section("Costs", _cost_table(found), f"Mean costs with {found.confidence:.0%} intervals. {_UNITS}")
    if found.ratios:
        yield _ratios(found)


_UNITS = "Intervals are bootstrap intervals over training seeds; of one seed, over blocks of its episodes."


def _cost_table(found: Growths) -> str:
    head = ("policy", "T", "cost", "interval", "exact")
    rows = [
        (
            name_cell(name, found.policies),
            f"{horizon:,}",
            f"{growth.mean[at]:.4g}",
            f"{growth.interval.low[at]:.4g} to {growth.interval.high[at]:.4g}",
            "" if growth.exact is None else f"{growth.exact[at]:.4g}",
        )
        for name, growth in found.growths.items()
        for at, horizon in enumerate(found.horizons)
    ]
    return table(head, rows)


def _ratios(found: Growths) -> Section:
    rows = [
        (f"{one.name} / {one.reference}", f"{one.ratio:.3g}", f"{one.interval.low:.3g} to {one.interval.high:.3g}")
        for one in found.ratios
    ]
    return Section(
        "In pairs",
        table(("pair", "ratio of costs", f"{found.confidence:.0%} interval"), rows),
        f"Over {found.horizons[-1]:,} steps, on the same episodes.",
    )


@matplotlib.rc_context(MARKS)
def draw_growth(found: Growths) -> str:
    """Costs against the horizon."""
    figure, axes = wide_axes("horizon T (steps)", "cost of T steps", 3.8)
    axes.set_xscale("log")
    axes.set_yscale("log" if any((growth.mean > 0).any() for growth in found.growths.values()) else "linear")
    for name, growth in found.growths.items():
        _draw_costs(axes, found, name, growth)
    _draw_guides(axes, found)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    axes.grid()
    name_above(figure)
    return svg(figure)


def _draw_costs(axes: Axes, found: Growths, name: str, growth: Growth) -> None:
    color, paid = color_of(name, found.policies), growth.mean > 0
    if growth.exact is not None and growth.exact.all():
        axes.plot(found.horizons, growth.exact, color=color, linewidth=1.4)
    low, high = (end[paid] for end in growth.interval)
    axes.vlines(found.horizons[paid], low, high, color=color, linewidth=1.2)
    axes.plot(found.horizons[paid], growth.mean[paid], "o", color=color, markersize=5, mfc="none", label=name)


def _draw_guides(axes: Axes, found: Growths) -> None:
    """Lines of slope 1 and 2 from the lowest cost on."""
    paid = [growth.mean[0] for growth in found.growths.values() if growth.mean[0] > 0]
    if not paid:
        return
    limits = axes.get_ylim()
    for power in (1, 2):
        line = 0.7 * min(paid) * (found.horizons / found.horizons[0]) ** power
        axes.plot(found.horizons, line, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            "∝ T" if power == 1 else "∝ T²",
            (found.horizons[-1], line[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=MUTED,
        )
    axes.set_ylim(min(limits[0], 0.5 * min(paid)), max(limits[1], 1.5 * line[-1]))
