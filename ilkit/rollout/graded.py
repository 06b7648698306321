"""Several tries at the same starts, of mixed quality: what preferences are asked about (Brown et al., 2020, D-REX).

Without several tries at one start no recording holds two answers to one context; with noise of several levels, some
tries are better than others.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment, VectorState
from ilkit.data.policy import Policy
from ilkit.spec import Spec
from ilkit.stepping.episodes import collect_episodes, num_bytes
from ilkit.stepping.modes import warn_of_mode
from ilkit.stepping.uniform_states import Vector, uniform_states


class Graded(Spec):
    """Several tries at each of some starts, each try with a noise of its own (Brown et al., 2020)."""

    kind: Literal["graded"] = "graded"
    num_starts: PositiveInt = 20
    """How many starts there are."""
    tries: PositiveInt = 2
    """How many episodes begin at each of them; episode i is try i mod `tries`."""
    action_noise: Annotated[tuple[NonNegativeFloat, ...], Field(min_length=1)] = (0.0,)
    """The noise on the actions of each try, or one number for all: its standard deviation in their units, or the
    probability of a random discrete one."""
    stochastic: bool = False
    """Whether the expert samples its actions instead of taking their mode."""
    initial_states: Literal["reset", "uniform"] = "reset"
    """Where episodes start: as the environment says, or uniformly between `initial_low` and `initial_high`."""
    initial_low: Vector | None = None
    """The lower end of uniform initial states; that of the environment's `state_box` where none is given."""
    initial_high: Vector | None = None
    """The upper end of uniform initial states; that of the environment's `state_box` where none is given."""
    length: PositiveInt | None = None
    """The steps after which an episode is cut, as truncated; the environment's alone where none are given."""

    @model_validator(mode="after")
    def _check(self) -> "Graded":
        if len(self.action_noise) not in (1, self.tries):
            raise ValueError(
                f"action_noise must have one number, or one for each of {self.tries} tries, got "
                f"{len(self.action_noise)}"
            )
        if self.tries > 1 and not self.stochastic and not any(self.action_noise):
            raise ValueError(
                "tries at one start must differ, got no action_noise and stochastic: false. Sample, or add noise"
            )
        if self.initial_states == "reset" and (self.initial_low or self.initial_high):
            raise ValueError("initial_low and initial_high need initial_states: uniform")
        return self

    @property
    def shares_starts(self) -> bool:
        """The tries at one start."""
        return self.tries > 1

    def longest_episode(self, world: Environment | HostEnvironment) -> int:
        """The limit of the environment, or the length that episodes are cut at."""
        return min(limit for limit in (self.length, world.max_steps) if limit)

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Starts that are spread over states that aren't vectors."""
        if self.initial_states == "uniform" and not isinstance(world, VectorState):
            yield "initial_states: uniform needs an environment whose states are vectors, got another. Choose reset."

    def bytes_needed(self, world: Environment | HostEnvironment) -> int:
        """That of the longest episodes."""
        episodes = self.num_starts * self.tries
        return num_bytes(world, episodes, episodes * world.max_steps)


def rollout(
    spec: Graded, env: Build[Environment | HostEnvironment], expert: Policy, *, key: PRNGKeyArray
) -> Demonstrations:
    """Records what was done in each try, noise and all: the tries at the first start, then those at the second, ...

    Start i is that of episode i of `rollout.kind` episodes with the same key, and more starts or more tries change none
    of the others.

    **Raises:** `DataError` where the initial states don't fit the environment, or the expert doesn't.
    """
    warn_of_mode(expert, stochastic=spec.stochastic)
    world, count = env(), spec.num_starts
    states = None
    if spec.initial_states == "uniform":
        states = uniform_states(world, spec.initial_low, spec.initial_high, range(count), key=key)
    levels = spec.action_noise * (spec.tries if len(spec.action_noise) == 1 else 1)
    by_try = [
        collect_episodes(
            world,
            expert,
            num_episodes=count,
            key=key,
            stochastic=spec.stochastic,
            action_noise=level,
            initial_states=states,
            attempt=number,
        ).demonstrations("executed")
        for number, level in enumerate(levels)
    ]
    whole = min(one.num_episodes for one in by_try)  # an environment on the host may have raised in one of them
    of_start = np.arange(spec.tries) * whole + np.arange(whole)[:, None]
    demos = concatenate([one.take(np.arange(whole)) for one in by_try]).take(of_start.ravel())
    return demos if spec.length is None else demos.cut(np.full(demos.num_episodes, spec.length))
