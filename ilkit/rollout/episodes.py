"""Demonstrations by running the expert, with or without noise on its actions.

Noise takes the expert to states from which it shows how to come back; the label stays what it intended (Laskey et al.,
2017, DART).
"""

from typing import Literal

import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.spec import Spec
from ilkit.stepping.episodes import collect_episodes, num_bytes
from ilkit.stepping.modes import warn_of_mode
from ilkit.stepping.uniform_states import Vector, uniform_states


class Episodes(Spec):
    """Episodes of the expert, with or without noise on its actions."""

    kind: Literal["episodes"] = "episodes"
    num_episodes: PositiveInt | None = 20
    """How many episodes to record; null where `num_steps` is given."""
    num_steps: PositiveInt | None = None
    """How many steps to record in all; the last episode is cut there, as truncated."""
    max_steps: PositiveInt | None = None
    """The steps after which an episode is cut, as truncated; the environment's alone where none are given."""
    action_noise: NonNegativeFloat = 0.0
    """The standard deviation of the noise on the actions, in their units; the probability of a random discrete one."""
    label: Literal["intended", "executed"] = "intended"
    """Which action to record: what the expert chose, or what was done with the noise and within the limits."""
    stochastic: bool = False
    """Whether the expert samples its actions instead of taking their mode."""
    initial_states: Literal["reset", "uniform"] = "reset"
    """Where episodes start: as the environment says, or uniformly between `initial_low` and `initial_high`."""
    initial_low: Vector | None = None
    """The lower end of uniform initial states; that of the environment's `state_box` where none is given."""
    initial_high: Vector | None = None
    """The upper end of uniform initial states; that of the environment's `state_box` where none is given."""

    @model_validator(mode="after")
    def _check(self) -> "Episodes":
        if (self.num_episodes is None) == (self.num_steps is None):
            raise ValueError("exactly one of num_episodes and num_steps must be given, and the other be null")
        if self.initial_states == "reset" and (self.initial_low or self.initial_high):
            raise ValueError("initial_low and initial_high need initial_states: uniform")
        return self

    @property
    def shares_starts(self) -> bool:
        """Each episode starts on its own."""
        return False

    def longest_episode(self, world: Environment | HostEnvironment) -> int:
        """The limit of the environment, or that of the settings."""
        limits = (self.max_steps, self.num_steps, world.max_steps)
        return min(limit for limit in limits if limit)

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """That of the longest episodes."""
        episodes = self.num_episodes or 0
        return num_bytes(world, episodes, self.num_steps or episodes * world.max_steps)


def rollout(
    spec: Episodes, env: Build[Environment | HostEnvironment], expert: Policy, *, key: PRNGKeyArray
) -> Demonstrations:
    """Records the expert.

    **Raises:** `DataError` where the initial states don't fit the environment, or the expert doesn't.
    """
    warn_of_mode(expert, stochastic=spec.stochastic)
    world = env()
    if spec.num_episodes is not None:
        return _record(spec, world, expert, 0, spec.num_episodes, key=key)
    assert spec.num_steps is not None
    parts: list[Demonstrations] = []
    steps = episodes = 0
    while steps < spec.num_steps:
        longest = steps / episodes if episodes else world.max_steps
        count = int(np.ceil((spec.num_steps - steps) / longest))
        parts.append(_record(spec, world, expert, episodes, count, key=key))
        steps, episodes = steps + parts[-1].num_steps, episodes + count
    return _first_steps(concatenate(parts), spec.num_steps)


def _record(
    spec: Episodes,
    env: Environment | HostEnvironment,
    expert: Policy,
    first_episode: int,
    num_episodes: int,
    *,
    key: PRNGKeyArray,
) -> Demonstrations:
    states = None
    if spec.initial_states == "uniform":
        ends = (spec.initial_low, spec.initial_high)
        states = uniform_states(env, *ends, range(first_episode, first_episode + num_episodes), key=key)
    demos = collect_episodes(
        env,
        expert,
        num_episodes=num_episodes,
        key=key,
        stochastic=spec.stochastic,
        action_noise=spec.action_noise,
        first_episode=first_episode,
        initial_states=states,
    ).demonstrations(spec.label)
    return demos if spec.max_steps is None else demos.cut(np.full(num_episodes, spec.max_steps))


def _first_steps(demos: Demonstrations, num_steps: int) -> Demonstrations:
    """The first steps of all, the last episode cut and called truncated where it went on."""
    count = int(demos.episode_of(np.asarray(num_steps - 1))) + 1
    taken = demos.take(np.arange(count))
    return taken.cut(np.append(taken.lengths[:-1], num_steps - taken.starts[-1]))
