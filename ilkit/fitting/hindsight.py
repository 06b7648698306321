"""What those who learn from goals in hindsight are told, and what they ask of demonstrations."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.goal_entries import ACHIEVED, STEPS_LEFT, goal_faults
from ilkit.data.windows import Transitions
from ilkit.errors import DataError, refuse
from ilkit.fitting.fit import FitSpec
from ilkit.fitting.goals import (
    Hindsight,
    Strategy,
    relative_faults,
    warn_of_intentions,
    warn_of_single_steps,
)

Share = Annotated[float, Field(ge=0, le=1)]


class HindsightSpec(FitSpec):
    """The settings of learning from goals that are drawn in hindsight."""

    strategy: Strategy = "uniform"
    """How far ahead goals are drawn: uniform, geometric, final, or as OGBench draws, rounded_uniform and
    clipped_geometric."""
    discount: Annotated[float, Field(gt=0, le=0.9999)] = 0.99
    """γ: how near geometric goals are."""
    horizon: PositiveInt | None = None
    """The most steps ahead that a goal lies; none: the end of the episode."""
    current: Share = 0.0
    """The share of goals that are the present state."""
    future: Share = 1.0
    """The share of goals that lie ahead in the same episode."""
    random: Share = 0.0
    """The share of goals that are states of another episode."""
    relative: bool = False
    """Whether the policy is given goals as the way there, on its own scale: those that are near are seen, then."""

    @model_validator(mode="after")
    def _check_shares(self) -> "HindsightSpec":
        total = self.current + self.future + self.random
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"current, future and random must add up to 1, got {total:g}")
        return self

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """An environment without goals, or with goals that can't be relative."""
        found = [f"env: {fault}" for fault in goal_faults(world.spaces.observation)]
        yield from found
        if self.relative and not found:
            yield from relative_faults(world.spaces.observation)

    def length_faults(self, longest: int) -> Iterator[str]:
        """Goals that lie further ahead than every episode."""
        if self.horizon is not None and self.horizon > longest:
            yield f"horizon: must be at most the steps of the longest episode, {longest}, got {self.horizon}."

    def draws(self, transitions: Transitions, max_steps: int) -> Hindsight:
        """How goals are drawn for these steps; `steps_left` is a share of so many."""
        return Hindsight.of(
            transitions,
            self.strategy,
            max_steps,
            discount=self.discount,
            current=self.current,
            other=self.random,
            horizon=self.horizon,
            relative=self.relative,
        )


def check_hindsight(where: str, spec: HindsightSpec, demos: Demonstrations) -> None:
    """Checks that goals can be drawn from what was achieved.

    Warns where actions aren't what was done, and where no goal is further than one step.

    **Raises:** `DataError` where nothing is known of what was achieved, or a setting doesn't fit the episodes.
    """
    refuse(where, (f"demos: {fault}" for fault in goal_faults(demos.spaces.observation)))
    warn_of_intentions(demos)
    warn_of_single_steps(demos)
    refuse(where, _misfits(spec, demos))


def _misfits(spec: HindsightSpec, demos: Demonstrations) -> Iterator[str]:
    yield from spec.length_faults(int(demos.lengths.max()))
    if spec.random and demos.num_episodes < 2:
        yield f"random: must be 0 where there is one episode alone, got {spec.random:g}: there is no other."
    if spec.relative:
        yield from relative_faults(demos.spaces.observation, demos.obs[ACHIEVED])


def steps_shown(demos: Demonstrations) -> int:
    """Of how many steps `steps_left` is a share: it falls by one of them at every step.

    **Raises:** `DataError` where it doesn't fall.
    """
    if not isinstance(demos.obs, dict) or STEPS_LEFT not in demos.obs:
        return int(demos.lengths.max())
    first, second = (np.asarray(rows[STEPS_LEFT]) for rows in (demos.before(demos.starts), demos.after(demos.starts)))
    fall = float(np.median(first - second))
    if not fall > 0:
        raise DataError(
            f"{STEPS_LEFT} must fall at every step, as a share of the episode does, got a change of {-fall:g}."
        )
    return round(1.0 / fall)
