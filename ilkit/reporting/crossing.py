"""What policies that differ in two ways return, in numbers: metrics, tables, and a summary for a terminal."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.data.report import Metrics, Table
from ilkit.math.statistics import Interval
from ilkit.measuring.curves import Curve
from ilkit.measuring.published import Published
from ilkit.reporting.columns import aligned, by_name
from ilkit.reporting.wording import number

REFERENCES = ("expert", "random")
"""What is no series, but a line across all places."""


class Cell(NamedTuple):
    """A policy: its outcomes, the interval of their mean over training seeds, and what was published of it."""

    outcomes: Float[np.ndarray, "seeds episodes"]
    interval: Interval
    published: Published | None
    p: float | None
    """How probable so large a difference from what was published is, were there none; None where nothing was."""

    @property
    def mean(self) -> float:
        """The mean over all episodes of all seeds."""
        return float(self.outcomes.mean())

    @property
    def deviation(self) -> float:
        """The standard deviation over all episodes of all seeds."""
        return float(self.outcomes.std(ddof=1)) if self.outcomes.size > 1 else 0.0


class Crossing(NamedTuple):
    """What all policies return, the expert and a random one among them."""

    task: str
    outcome: str
    """What is compared: `return`, or what else is known."""
    axis: str
    """What places are."""
    num_episodes: int
    stochastic: bool
    confidence: float
    cells: Mapping[str, Cell]
    curves: Mapping[str, Mapping[str, Curve]]
    """The learning curves of each policy, by what they are of."""

    @property
    def policies(self) -> tuple[str, ...]:
        """All but the references."""
        return tuple(name for name in self.cells if name not in REFERENCES)

    @property
    def series(self) -> tuple[str, ...]:
        """The series, in the order of their first policies."""
        return tuple(dict.fromkeys(parted(name)[0] for name in self.policies))

    @property
    def places(self) -> tuple[str, ...]:
        """The places: numbers in their order, all else in that of the first policies there."""
        found = tuple(dict.fromkeys(place for place in (parted(name)[1] for name in self.policies) if place))
        return tuple(sorted(found, key=int)) if all(place.isdecimal() for place in found) else found

    def of(self, series: str) -> dict[str, str]:
        """The policies of a series by their places, in the order of these."""
        own = {place: name for name in self.policies for one, place in [parted(name)] if one == series}
        return {place: own[place] for place in (*self.places, "") if place in own}

    def is_at_places(self, series: str) -> bool:
        """Whether the policies of a series stand at places; true of all where there are none."""
        return not self.places or set(self.of(series)) != {""}

    @property
    def is_published(self) -> bool:
        """Whether anything was."""
        return any(cell.published for cell in self.cells.values())


def parted(name: str) -> tuple[str, str]:
    """Series and place of a policy; one without a place is a series of its own."""
    series, underscore, place = name.rpartition("_")
    return (series, place) if underscore and series else (name, "")


def metrics_of(crossing: Crossing) -> Metrics:
    """Of each policy its mean with deviation and interval, and beside it what was published."""
    return {name: _numbers(cell) for name, cell in crossing.cells.items()}


def tables_of(crossing: Crossing) -> dict[str, Table]:
    """A row per policy, empty where nothing was published."""
    rows = [
        (name, *parted(name), *list(_numbers(cell).values())[:4], *_published(cell))
        for name, cell in crossing.cells.items()
    ]
    head = ("policy", "series", "place", "mean", "deviation", "low", "high", "published", "published_deviation", "p")
    return {"crossed": by_name(head, rows)}


def summary_of(crossing: Crossing) -> str:
    """A row for each series and a column for each place, with published means in parentheses."""
    columns = crossing.places or ("",)
    rows = [("", *columns)]
    for series in crossing.series:
        own = crossing.of(series)
        given = own if set(own) & set(columns) else dict.fromkeys(columns[:1], own.get("", ""))
        rows.append((series, *(_told(crossing.cells[given[place]]) if place in given else "" for place in columns)))
    for name in REFERENCES:
        if name in crossing.cells:
            rows.append((name, _told(crossing.cells[name]), *[""] * (len(columns) - 1)))
    return "\n".join([*aligned(rows), verdict_of(crossing)])


def verdict_of(crossing: Crossing) -> str:
    """Which policy has the most of what is compared, beside the references, in plain words."""
    best = max(crossing.policies, key=lambda name: crossing.cells[name].mean)
    low, high = crossing.cells[best].interval
    beside = [f"{name} {number(crossing.cells[name].mean, 1)}" for name in REFERENCES if name in crossing.cells]
    told = f"{best} has the largest {crossing.outcome} of what was learnt: {number(crossing.cells[best].mean, 1)}"
    interval = f"{crossing.confidence:.0%} interval {number(low, 1)} to {number(high, 1)}"
    return f"{told} ({interval}); {', '.join(beside)}." if beside else f"{told} ({interval})."


def _numbers(cell: Cell) -> dict[str, float]:
    low, high = (float(end) for end in cell.interval)
    numbers = {"mean": cell.mean, "deviation": cell.deviation, "low": low, "high": high}
    if cell.published is not None and cell.p is not None:
        numbers |= {"published": cell.published.mean, "p": cell.p}
    return numbers


def _published(cell: Cell) -> tuple[float | str, ...]:
    if cell.published is None or cell.p is None:
        return ("",) * 3
    return cell.published.mean, cell.published.deviation, cell.p


def _told(cell: Cell) -> str:
    return f"{cell.mean:.1f}" + ("" if cell.published is None else f" ({cell.published.mean:.1f})")
