"""How much disturbance policies endure, as numbers: metrics and tables for DVC, and a few lines for the terminal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.data.report import Metrics, Table
from ilkit.measuring.endurance import Endurance, Lead
from ilkit.reporting.columns import aligned, by_name
from ilkit.reporting.wording import number


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

    def told(self, value: float) -> str:
        """An outcome as a person writes it."""
        return f"{value:,.4g}" if self.threshold is None else f"{value:.0%}"

    def told_lead(self, lead: Lead) -> str:
        """A lead over all disturbances with its interval, as a person writes it."""
        scale, unit = (1.0, "") if self.threshold is None else (100.0, " points")
        ends = (scale * lead.disturbed, *(scale * end for end in lead.disturbed_interval))
        told, low, high = (number(end, 1 if max(map(abs, ends)) >= 1 else 3, signed=True) for end in ends)
        return f"{told}{unit} over all {self.what} ({self.confidence:.0%} interval {low} to {high})"


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
    over_all: dict[str, Any] = {"env_steps": [0]}
    over_all |= {name: [float(found.found[name].mean[found.strengths > 0].mean())] for name in found.policies}
    return {"endurance": by_name(("policy", "strength", "outcome", "low", "high"), rows), "learning_curves": over_all}


def sentences_of(found: Endured) -> list[str]:
    """Who endures more, in plain words and whatever it is."""
    words = {1: "endures more than", 0: "endures neither clearly more nor less than", -1: "endures less than"}
    told = [f"`{one.name}` {words[one.sign]} `{one.reference}`: {found.told_lead(one)}." for one in found.leads]
    if not told:
        (name, one), *_ = [item for item in found.found.items() if item[0] in found.policies]
        told = [f"`{name}`: {found.outcome} {found.told(one.mean[0])} at first, {found.told(one.mean[-1])} at last."]
    return told


def summary_of(found: Endured) -> str:
    """An aligned table of outcomes, and the verdict."""
    head = ("", *(f"σ = {strength:g}" for strength in found.strengths))
    rows = [(name, *(found.told(value) for value in one.mean)) for name, one in found.found.items()]
    return "\n".join([*aligned([head, *rows], gap=3), *sentences_of(found)]).replace("`", "") + "\n"
