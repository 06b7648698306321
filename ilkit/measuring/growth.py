"""How the cost of a policy grows with the horizon: costs within the first steps of episodes, and the exponent.

A policy that errs with probability ε costs up to ε T² over T steps where it doesn't know what to do after an error, and
O(ε T) where it does (Ross and Bagnell, 2010; Ross et al., 2011): on logarithmic axes, lines of slope 2 and 1.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.known_dynamics import ExactCosts
from ilkit.data.policy import Policy
from ilkit.math.power_law import exponent
from ilkit.math.statistics import Interval, mean
from ilkit.measuring.comparison import Resampling

Costs = Float[np.ndarray, "units horizons"]
"""Mean costs within each horizon: of each training seed or, where there is but one, of blocks of its episodes."""


class Growth(NamedTuple):
    """How a policy's cost grows."""

    costs: Costs
    mean: Float[np.ndarray, " horizons"]
    interval: Interval
    """That of the mean, over training seeds or, of one, over blocks of episodes."""
    exponent: float
    """The slope of the line through the mean costs on logarithmic axes; NaN where nothing was paid."""
    exponent_interval: Interval
    exact: Float[np.ndarray, " horizons"] | None
    """What the policy costs by calculation; none where the environment can't calculate, or the policy remembers."""

    def exact_exponent(self, horizons: Int[np.ndarray, " horizons"]) -> float:
        """The exponent of the exact costs; NaN where there are none."""
        return float("nan") if self.exact is None else float(exponent(horizons, self.exact))


class Ratio(NamedTuple):
    """What a policy costs over the longest horizon, in terms of another one."""

    name: str
    reference: str
    ratio: float
    interval: Interval


def exact_costs(
    world: Environment | HostEnvironment, policies: Sequence[Policy], horizons: Int[np.ndarray, " horizons"]
) -> Float[np.ndarray, " horizons"] | None:
    """The mean over training seeds of what is calculated; none where nothing is."""
    if not isinstance(world, ExactCosts) or jax.tree.leaves(policies[0].initial_carry()):
        return None
    return np.mean([world.expected_costs(policy, horizons) for policy in policies], axis=0)


def measure_growth(
    costs: Costs,
    exact: Float[np.ndarray, " horizons"] | None,
    horizons: Int[np.ndarray, " horizons"],
    resampling: Resampling,
) -> Growth:
    """Means, exponent and their intervals."""
    average, slope = costs.mean(axis=0), float(exponent(horizons, costs.mean(axis=0)))
    of_slope = resampling.interval_of_function(costs.T, mean, lambda means: exponent(horizons, means))
    return Growth(costs, average, resampling.interval(costs.T, mean), slope, of_slope, exact)


def compare_costs(growths: Mapping[str, Growth], resampling: Resampling) -> list[Ratio]:
    """The ratio of costs over the longest horizon, of every policy to every one before it.

    Units are resampled in pairs, for they ran the same episodes; policies with other numbers of seeds aren't compared,
    nor those that cost nothing.
    """
    found = []
    for reference, name in combinations(growths, 2):
        pair = [growths[one].costs[:, -1] for one in (name, reference)]
        if len(pair[0]) == len(pair[1]) and (pair[1] > 0).all():
            interval = resampling.interval_of_function(np.stack(pair), mean, lambda means: means[:, 0] / means[:, 1])
            found.append(Ratio(name, reference, float(pair[0].mean() / pair[1].mean()), interval))
    return found
