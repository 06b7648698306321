"""How much disturbance policies endure, as numbers: metrics and tables for DVC, and a few lines for the terminal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.data.report import Metrics, Table
from ilkit.measuring.endurance import Endurance, Lead
from ilkit.reporting.columns import aligned


class Endured(NamedTuple):
    """All that was found."""

    task: str
    policies: tuple[str, ...]
    num_demonstrated: tuple[int, int]
    """Episodes and steps of the demonstrations."""
    num_episodes: int
    """Of each seed, at each strength."""
    strengths: Float[np.ndarray, " strengths"]
    duration: int
    threshold: float | None
    confidence: float
    found: Mapping[str, Endurance]
    """Of the expert, if there is one, and the policies."""
    leads: list[Lead]
    """Of policies over their references."""

    @property
    def outcome(self) -> str:
        """What is compared."""
        return "return" if self.threshold is None else "share of episodes that survive"

    @property
    def what(self) -> str:
        """What the policies are disturbed by."""
        return "noise" if self.duration == 1 else f"pushes of {self.duration} steps"

    def told(self, value: float, *, signed: bool = False) -> str:
        """An outcome as a person writes it."""
        if self.threshold is None:
            return f"{value:{'+' if signed else ''},.4g}"
        return f"{100 * value:+.0f} points" if signed else f"{value:.0%}"


def metrics_of(found: Endured) -> Metrics:
    """Of each policy what becomes of it at each strength, and over all disturbances; its lead over its reference."""
    policies = {name: _metrics(found, one) for name, one in found.found.items()}
    leads = {
        f"{one.name}_over_{one.reference}": {
            "difference": one.disturbed,
            "low": one.disturbed_interval.low,
            "high": one.disturbed_interval.high,
        }
        for one in found.leads
    }
    return {**policies, **leads}


def _metrics(found: Endured, one: Endurance) -> Metrics:
    by_strength = zip(found.strengths, one.mean, strict=True)
    return {
        "disturbed": float(one.mean[found.strengths > 0].mean()),
        "by_strength": {f"{strength:g}": float(value) for strength, value in by_strength},
    }


def tables_of(found: Endured) -> dict[str, Table]:
    """The outcomes at each strength; over all disturbances where DVC plots returns."""
    rows = [
        (name, float(strength), *(float(each[at]) for each in (one.mean, *one.interval)))
        for name, one in found.found.items()
        for at, strength in enumerate(found.strengths)
    ]
    names = ("policy", "strength", "outcome", "low", "high")
    endured: dict[str, Any] = {name: [row[column] for row in rows] for column, name in enumerate(names)}
    over_all: dict[str, Any] = {"env_steps": [0]}
    over_all |= {name: [float(found.found[name].mean[found.strengths > 0].mean())] for name in found.policies}
    return {"endurance": endured, "learning_curves": over_all}


def verdict_of(found: Endured) -> str:
    """Who endures more, in plain words and whatever it is."""
    words = {1: "endures more than", 0: "endures neither clearly more nor less than", -1: "endures less than"}
    told = [
        f"`{one.name}` {words[one.sign]} `{one.reference}`: {found.told(one.disturbed, signed=True)} over all "
        f"{found.what} ({found.confidence:.0%} interval {found.told(one.disturbed_interval.low, signed=True)} to "
        f"{found.told(one.disturbed_interval.high, signed=True)})."
        for one in found.leads
    ]
    if not told:
        (name, one), *_ = [item for item in found.found.items() if item[0] in found.policies]
        told = [f"`{name}`: {found.outcome} {found.told(one.mean[0])} at first, {found.told(one.mean[-1])} at last."]
    return " ".join(told)


def summary_of(found: Endured) -> str:
    """An aligned table of outcomes, and the verdict."""
    head = ("", *(f"σ = {strength:g}" for strength in found.strengths))
    rows = [(name, *(found.told(value) for value in one.mean)) for name, one in found.found.items()]
    return "\n".join([*aligned([head, *rows], gap=3), verdict_of(found).replace("`", "")]) + "\n"
