"""How much disturbance policies endure: returns, or shares of episodes that survive, against its strength."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.math.statistics import Interval, mean
from ilkit.measuring.comparison import Resampling

Outcomes = Float[np.ndarray, "units strengths"]
"""Mean outcomes at each strength: of each training seed or, where there is but one, of each episode."""


class Endurance(NamedTuple):
    """What becomes of a policy under disturbances."""

    mean: Float[np.ndarray, " strengths"]
    interval: Interval
    """That of the mean, over training seeds or, of one, over episodes."""
    num_seeds: int


class Lead(NamedTuple):
    """How much better a policy does than a reference under the same disturbances, seed by seed."""

    name: str
    reference: str
    difference: Float[np.ndarray, " strengths"]
    interval: Interval
    disturbed: float
    """The difference over all disturbances, without the undisturbed episodes."""
    disturbed_interval: Interval

    @property
    def sign(self) -> int:
        """1 where it endures more than the reference by an interval without 0, -1 where less, 0 where nobody knows."""
        return int(self.disturbed_interval.low > 0) - int(self.disturbed_interval.high < 0)


def measure_endurance(outcomes: Outcomes, num_seeds: int, resampling: Resampling) -> Endurance:
    """Means and their intervals."""
    return Endurance(outcomes.mean(axis=0), resampling.interval(outcomes.T, mean), num_seeds)


def compare_endurance(
    outcomes: Mapping[str, Outcomes],
    references: Mapping[str, str],
    strengths: Float[np.ndarray, " strengths"],
    resampling: Resampling,
) -> list[Lead]:
    """Policies against their references; units are resampled in pairs, for they were disturbed alike.

    Policies with another number of training seeds than their references aren't compared.
    """
    disturbed = strengths > 0
    leads = []
    for name, reference in references.items():
        if len(outcomes[name]) == len(outcomes[reference]):
            gained = outcomes[name] - outcomes[reference]
            over_all = gained[:, disturbed].mean(axis=1)
            leads.append(
                Lead(
                    name,
                    reference,
                    gained.mean(axis=0),
                    resampling.interval(gained.T, mean),
                    float(over_all.mean()),
                    Interval(*map(float, resampling.interval(over_all, mean))),
                )
            )
    return leads
