"""How far the states that a policy visits are from those of a reference, step by step, and where they part.

All is in units of the reference's standard deviation, entry by entry. An episode that has ended stays where it ended.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree, Shaped

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Leaf
from ilkit.data.uncertainty import Uncertainty
from ilkit.math.energy_distance import EnergyTest, energy_test, pairwise
from ilkit.math.power_law import exponent
from ilkit.nn.flatten import flatten

States = Float[np.ndarray, "_episodes times entries"]

_MOST_REFERENCES = 4096
_INSIDE = 0.95
_ROUNDING = 1e-6


class Departures(NamedTuple):
    """Where episodes leave what the reference has seen."""

    nearest: Float[np.ndarray, "episodes times"]
    """The distance of each state to the nearest one of the reference, whatever its time."""
    limit: float
    """What 95 % of the reference's episodes always stay within, to the nearest state of another of them."""
    step: Float[np.ndarray, " episodes"]
    """The first step at which an episode is further away; NaN where it never is."""

    @property
    def share(self) -> float:
        """The share of episodes that leave."""
        return float(np.isfinite(self.step).mean())

    @property
    def median(self) -> float:
        """The median step at which episodes leave, those that never do counted as last; NaN where most don't."""
        step = float(np.median(np.where(np.isfinite(self.step), self.step, np.inf)))
        return step if np.isfinite(step) else float("nan")


class Shift(NamedTuple):
    """How a policy's states differ from the reference's."""

    test: EnergyTest
    """At each of the times."""
    onset: float
    """The first time by which the states so far differ for sure, all times considered; NaN where they never do."""
    departures: Departures


class Errors(NamedTuple):
    """How a policy's actions differ from the expert's answers, by the step of the episode."""

    own: Float[np.ndarray, " steps"]
    """At the states that the policy visits itself, averaged over the episodes that last so long."""
    expert: Float[np.ndarray, " steps"]
    """At the states that the expert visits: what cloning makes small."""

    @property
    def ratio(self) -> float:
        """The mean error at its own states in terms of that at the expert's; NaN where there is none at these."""
        return float(self.own.mean() / self.expert.mean()) if self.expert.mean() > _ROUNDING else float("nan")

    @property
    def growth(self) -> float:
        """The exponent of the error summed up to each step: 1 where errors stay the same, 2 where they grow steadily.

        NaN where there is no error in the first step that has any after it.
        """
        sums = np.cumsum(np.where(self.own > _ROUNDING, self.own, 0.0))
        steps = np.arange(1, len(sums) + 1)
        return float(exponent(steps[sums > 0], sums[sums > 0])) if (sums > 0).sum() > 1 else float("nan")


def times_of(longest: int, num_times: int) -> Int[np.ndarray, " times"]:
    """Steps from 0 to the longest, evenly spaced, each once."""
    return np.unique(np.linspace(0, longest, num_times).round().astype(np.int64))


def observed_at(demos: Demonstrations, times: Int[np.ndarray, " times"]) -> PyTree[Shaped[Array, "..."]]:
    """The observations at these steps of all episodes, of shape (episodes, times, *observation)."""
    first = demos.starts + np.arange(demos.num_episodes)
    rows = first[:, None] + np.minimum(times[None, :], demos.lengths[:, None])
    return jax.tree.map(lambda column: jnp.asarray(column[rows]), demos.obs)


def states_at(demos: Demonstrations, times: Int[np.ndarray, " times"]) -> States:
    """The same as vectors."""
    return np.asarray(flatten(demos.spaces.observation, observed_at(demos, times)))


def doubt_at(
    uncertainty: Seeds[Uncertainty], demos: Demonstrations, times: Int[np.ndarray, " times"]
) -> Float[np.ndarray, " times"]:
    """The standard deviation √(tr cov / d) of the expert's action, averaged over episodes and training seeds."""
    return np.asarray(_doubts(uncertainty.stacked, observed_at(demos, times)).mean(axis=(0, 1)))


def standardized(reference: States, *others: States) -> tuple[States, ...]:
    """All in units of the reference's standard deviation; an entry that is constant in it keeps its unit."""
    mean, std = reference.mean(axis=(0, 1)), reference.std(axis=(0, 1))
    scale = np.where(std > 1e-6, std, 1.0)
    return tuple((states - mean) / scale for states in (reference, *others))


def measure_shift(
    reference: States,
    visited: States,
    times: Int[np.ndarray, " times"],
    *,
    num_permutations: int,
    confidence: float,
    seed: int,
) -> Shift:
    """Tests every time and finds where episodes leave; states are standardized."""
    test = energy_test(
        np.moveaxis(visited, 1, 0),
        np.moveaxis(reference, 1, 0),
        num_permutations=num_permutations,
        confidence=confidence,
        generator=np.random.default_rng(seed),
    )
    certain = test.adjusted <= 1.0 - confidence
    onset = float(times[certain.argmax()]) if certain.any() else float("nan")
    return Shift(test, onset, _departures(reference, visited, times))


def action_error(
    actions: np.ndarray, answers: np.ndarray, space: Leaf, scale: Float[np.ndarray, " act"]
) -> Float[np.ndarray, "episodes steps"]:
    """How far actions within their bounds are from the answers, in units of the scale; of discrete ones, whether."""
    episodes, steps = actions.shape[:2]
    if not isinstance(space, Box):
        return np.asarray((actions != answers).reshape(episodes, steps, -1).any(axis=2).astype(np.float64))
    bounds = np.asarray(space.bounds, np.float32)
    actions, answers = (np.clip(rows, *bounds).reshape(episodes, steps, -1) for rows in (actions, answers))
    return np.asarray(np.sqrt(np.mean(((actions - answers) / scale) ** 2, axis=2, dtype=np.float64)))


def action_scale(demos: Demonstrations) -> Float[np.ndarray, " act"]:
    """The standard deviation of each entry of the actions within their bounds; 1 where it is constant or discrete."""
    space = demos.spaces.action
    if not isinstance(space, Box):
        return np.ones(1)
    within = np.clip(demos.actions, *np.asarray(space.bounds, np.float32)).reshape(demos.num_steps, -1)
    std = within.std(axis=0, dtype=np.float64)
    return np.where(std > 1e-6, std, 1.0)


def mean_over_episodes(
    runs: Sequence[tuple[Float[np.ndarray, "_episodes _steps"], Int[np.ndarray, " _episodes"]]],
) -> Float[np.ndarray, " steps"]:
    """The mean over the episodes of all runs that last so long, step by step, from errors and lengths."""
    total, count = np.zeros((2, max(int(lengths.max()) for _, lengths in runs)))
    for errors, lengths in runs:
        lasts = np.arange(errors.shape[1]) < lengths[:, None]
        total[: errors.shape[1]] += np.sum(errors * lasts, axis=0)
        count[: errors.shape[1]] += lasts.sum(axis=0)
    return np.asarray(total / count)


@eqx.filter_jit
def _doubts(stacked: Uncertainty, obs: PyTree) -> Float[Array, "seeds episodes times"]:
    def doubt(uncertainty: Uncertainty) -> Float[Array, "episodes times"]:
        def at(obs: PyTree) -> Float[Array, ""]:
            covariance = uncertainty.covariance(obs)
            return jnp.sqrt(jnp.trace(covariance) / len(covariance))

        return jax.vmap(jax.vmap(at))(obs)

    return eqx.filter_vmap(doubt)(stacked)


def _departures(reference: States, visited: States, times: Int[np.ndarray, " times"]) -> Departures:
    episodes, count, entries = reference.shape
    known = reference.reshape(-1, entries)
    owner = np.repeat(np.arange(episodes), count)
    chosen = np.unique(np.linspace(0, len(known) - 1, min(len(known), _MOST_REFERENCES)).astype(int))
    known, owner = known[chosen], owner[chosen]
    among = [pairwise(known[owner == one], known[owner != one]).min(axis=1).max() for one in np.unique(owner)]
    limit = float(np.quantile(among, _INSIDE))
    nearest = np.stack([pairwise(episode, known).min(axis=1) for episode in visited])
    outside = nearest > limit + 1e-6
    step = np.where(outside.any(axis=1), times[outside.argmax(axis=1)], np.nan)
    return Departures(nearest, limit, step)
