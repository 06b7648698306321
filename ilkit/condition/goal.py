"""The policy of one goal, made of one that reaches many: π(a | s) = π(a | s, g)."""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, NonNegativeInt

from ilkit.data.goal_entries import ACHIEVED, DESIRED, OBSERVATION, STEPS_LEFT, goal_faults
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Box, Discrete, MultiDiscrete, Space, described
from ilkit.data.tasks import entries_of, value_in
from ilkit.errors import refuse
from ilkit.nn.conditioned_policy import condition_seeds
from ilkit.spec import Spec


class Goal(Spec):
    """The policy of one goal, which it goes to whatever it is asked for."""

    kind: Literal["goal"] = "goal"
    goal: Annotated[tuple[float, ...], Field(min_length=1)]
    """Where to go, in the units of `achieved_goal`."""
    achieved: tuple[NonNegativeInt, ...] | None = None
    """The entries of an observation that say where one is, for environments without goals, whose observations are
    vectors. None: the environment has goals, and those that it asks for are overlooked."""


def condition(spec: Goal, policy: Seeds[Policy]) -> Seeds[Policy]:
    """Fixes the goal.

    **Raises:** `DataError` where the policy reaches no goals, or none such; where `achieved` doesn't fit what it
    observes.
    """
    observation = policy.stacked.spaces.observation
    refuse("condition.goal", goal_faults(observation))
    entries = entries_of(observation)
    refuse("condition.goal", _goal_faults(spec, entries[DESIRED]))
    told = {DESIRED: value_in(entries[DESIRED], spec.goal)}
    if spec.achieved is None:
        return condition_seeds(policy, observation, told)
    refuse("condition.goal", _achieved_faults(spec.achieved, dict(entries)))
    return condition_seeds(policy, entries[OBSERVATION], told, spec.achieved)


def _goal_faults(spec: Goal, space: Space) -> Iterator[str]:
    assert isinstance(space, Box | Discrete | MultiDiscrete)
    size = int(np.prod(space.shape))
    if len(spec.goal) != size:
        yield f"goal: must be {described(space)}, so {size} numbers, got {list(spec.goal)}."
        return
    if isinstance(space, Discrete):
        low, high = np.array(space.start), np.array(space.start + space.size - 1)
    else:
        low, high = space.bounds
    given = np.reshape(spec.goal, space.shape)
    if not ((given >= low) & (given <= high)).all():
        yield (
            f"goal: must be one that the policy can have been trained on, from {low.tolist()} to {high.tolist()}, got "
            f"{list(spec.goal)}."
        )
    elif not (isinstance(space, Box) and space.is_floating) and (given != np.round(given)).any():
        yield f"goal: must be whole where goals are {described(space)}, got {list(spec.goal)}."


def _achieved_faults(achieved: tuple[int, ...], entries: dict[str, Space]) -> Iterator[str]:
    goal, rest = entries.pop(ACHIEVED), [name for name in entries if name not in (OBSERVATION, DESIRED)]
    seen = entries.get(OBSERVATION)
    if not (isinstance(seen, Box) and len(seen.shape) == 1) or rest:
        also = f" and {', '.join(rest)}" if rest else ""
        kept = f" ({STEPS_LEFT} is nothing that an environment without goals tells)" if STEPS_LEFT in rest else ""
        yield (
            f"achieved: needs a policy that observes a vector beside the goals and nothing more, got "
            f"{'none' if seen is None else described(seen)}{also}{kept}. Leave it out, and evaluate where there are "
            "goals."
        )
        return
    assert isinstance(goal, Box | Discrete | MultiDiscrete)
    if len(set(achieved)) != len(achieved) or max(achieved, default=0) >= seen.size:
        yield f"achieved: must be different entries below {seen.size}, got {list(achieved)}."
    elif not isinstance(goal, Box) or goal.shape != (len(achieved),):
        yield f"achieved: must be as many entries as a goal has, which is {described(goal)}, got {list(achieved)}."
