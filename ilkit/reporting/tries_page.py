"""What policies find in so many tries: numbers, the figure and the page."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import matplotlib
import numpy as np
from jaxtyping import Float, Int
from matplotlib.ticker import FuncFormatter

from ilkit.data.report import Metrics, Table
from ilkit.errors import counted
from ilkit.math.statistics import Interval
from ilkit.reporting.columns import aligned, by_name
from ilkit.reporting.figures import MARKS, color_of, name_above, wide_axes
from ilkit.reporting.page import Section, render_page, table
from ilkit.reporting.style import svg
from ilkit.reporting.tables import name_cell
from ilkit.reporting.wording import few_seeds


class Found(NamedTuple):
    """What one policy finds."""

    share: Float[np.ndarray, " counts"]
    """Of the starts, from how many a success is found within so many tries."""
    interval: Interval
    success: float
    """How often a single try succeeds."""
    num_seeds: int


class Finds(NamedTuple):
    """What all policies find."""

    task: str
    policies: tuple[str, ...]
    counts: Int[np.ndarray, " counts"]
    num_starts: int
    threshold: float
    confidence: float
    found: Mapping[str, Found]


def metrics_of(finds: Finds) -> Metrics:
    """Of each policy what it finds, by the number of tries."""
    return {
        name: {
            "found": {str(count): float(share) for count, share in zip(finds.counts, one.share, strict=True)},
            "low": float(one.interval.low[-1]),
            "high": float(one.interval.high[-1]),
            "success": one.success,
        }
        for name, one in finds.found.items()
    }


def tables_of(finds: Finds) -> dict[str, Table]:
    """The shares by the number of tries, also where DVC plots curves."""
    shares = {name: finds.found[name].share.tolist() for name in finds.policies}
    rows = [
        (name, int(count), *(float(each[at]) for each in (one.share, *one.interval)))
        for name, one in finds.found.items()
        for at, count in enumerate(finds.counts)
    ]
    found = by_name(("policy", "tries", "found", "low", "high"), rows)
    return {"found": found, "learning_curves": {"env_steps": finds.counts.tolist(), **shares}}


def summary_of(finds: Finds) -> str:
    """An aligned table, and the verdict."""
    head = ("", *(f"in {count}" for count in finds.counts))
    rows = [(name, *(f"{share:.2f}" for share in one.share)) for name, one in finds.found.items()]
    return "\n".join([*aligned([head, *rows]), verdict_of(finds)])


def verdict_of(finds: Finds) -> str:
    """Which policy finds the most, in plain words."""
    ranked = sorted(finds.found.items(), key=lambda item: -float(item[1].share[-1]))
    told = [f"{name} finds a success from {one.share[-1]:.0%} of the starts" for name, one in (ranked[0], ranked[-1])]
    return f"In {finds.counts[-1]:,} tries {' and '.join(dict.fromkeys(told))}."


def page_of(finds: Finds) -> str:
    """The whole page."""
    setting = (
        f"{counted(int(finds.counts[-1]), 'try')} from each of {counted(finds.num_starts, 'start')}, the same "
        f"ones for all; a try succeeds from a return of {finds.threshold:g} on."
    )
    return render_page(
        f"What is found on {finds.task}",
        _sections(finds),
        setting=[setting],
        verdict=[verdict_of(finds)],
        notes=few_seeds(min(one.num_seeds for one in finds.found.values()), finds.confidence),
    )


def _sections(finds: Finds) -> Iterator[Section]:
    yield Section(
        "Found within so many tries",
        draw_found(finds),
        "The share of the starts from which at least one of so many tries succeeds, estimated without bias from all of "
        f"them; bands are {finds.confidence:.0%} intervals over training seeds.",
    )
    head = ("policy", "seeds", "a single try", *(f"in {count}" for count in finds.counts[1:]), "interval")
    rows = [
        (
            name_cell(name, finds.policies),
            f"{one.num_seeds}",
            f"{one.success:.1%}",
            *(f"{share:.2f}" for share in one.share[1:]),
            f"{one.interval.low[-1]:.2f} to {one.interval.high[-1]:.2f}",
        )
        for name, one in finds.found.items()
    ]
    yield Section("In numbers", table(head, rows), "The interval is that of the last column.")


@matplotlib.rc_context(MARKS)
def draw_found(finds: Finds) -> str:
    """Shares against the number of tries."""
    figure, axes = wide_axes("tries", "share of starts with a success", 3.6)
    for place, (name, one) in enumerate(finds.found.items()):
        color = color_of(name, finds.policies)
        axes.fill_between(finds.counts, *one.interval, color=color, alpha=0.12, linewidth=0)
        style = ("-", "--", ":")[place // 10 % 3]
        axes.plot(finds.counts, one.share, style, color=color, linewidth=1.7, label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(finds.counts)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.minorticks_off()
    axes.margins(x=0)
    axes.set_ylim(0.0, 1.02)
    axes.grid()
    name_above(figure, 4)
    return svg(figure)
