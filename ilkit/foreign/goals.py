"""Goals of gymnasium's environments as entries of the dictionary that is observed."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import flatten, flatten_space
from gymnasium.wrappers import TransformObservation

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.goal_settings import Goal
from ilkit.data.spaces import element
from ilkit.errors import DataError
from ilkit.foreign.spaces import gymnasium_space, space_of

_TOLERANCES = ("goal_tolerance", "distance_threshold")
_ROTATION = "rotation_threshold"
"""Where goals are poses: how far away counts as reached is no distance of numbers alone."""


class ObservedGoals(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Observes where one is and where to go, which the reset hands out as `info["goal"]` where it isn't observed."""

    def __init__(self, env: gymnasium.Env[Any, Any], goal: Goal) -> None:
        super().__init__(env)
        self._goal, self._space = goal, space_of(env.observation_space)
        self._target: Any = None
        self._with_goals = goal.space(self._space)
        self.observation_space = gymnasium_space(self._with_goals)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, and remembers its goal."""
        obs, info = self.env.reset(seed=seed, options=options)
        achieved, desired = self._goal.parts(self._space, obs)[1:]
        self._target = None if desired is not None else self._handed_out(info, np.asarray(achieved))
        return self._observed(obs), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Takes a step."""
        obs, *outcome = self.env.step(action)
        return self._observed(obs), *outcome

    def _observed(self, obs: Any) -> Any:
        rest, achieved, desired = self._goal.parts(self._space, obs)
        seen = {**rest, ACHIEVED: achieved, DESIRED: self._target if desired is None else desired}
        return element(self._with_goals, seen)

    def _handed_out(self, info: dict[str, Any], achieved: np.ndarray) -> Any:
        """The goal in `info`: like what is achieved, or a whole observation of which the same entries are taken."""
        if "goal" not in info:
            raise DataError(
                'env.gymnasium.goal: the environment must observe a goal, or hand one out in info["goal"] of a reset, '
                f"got {', '.join(info) or 'nothing'}. Say in desired which entries of the observation tell the goal."
            )
        given, whole = info["goal"], self.env.observation_space.shape
        if isinstance(given, dict):
            return np.array(self._goal.parts(self._space, given).achieved)
        goal = np.array(given)
        if goal.shape == whole:
            return self._goal.parts(self._space, goal).achieved
        if goal.shape == achieved.shape:
            return goal
        raise DataError(
            f'env.gymnasium.goal: info["goal"] must be like what is achieved, of shape {achieved.shape}, or a whole '
            f"observation, of shape {whole}, got {goal.shape}. Say in achieved which entries of one it is like."
        )


def with_goals(one: gymnasium.Env[Any, Any], goal: Goal) -> gymnasium.Env[Any, Any]:
    """The environment whose observations are dictionaries with goals.

    **Raises:** `DataError` where the settings don't fit its observations.
    """
    for fault in goal.faults(space_of(one.observation_space)):
        raise DataError(f"env.gymnasium.goal.{fault}.")
    return ObservedGoals(one, goal)


def check_goals(one: gymnasium.Env[Any, Any], name: str) -> None:
    """Checks that a reset makes the goals that are wanted.

    **Raises:** `DataError` where it doesn't.
    """
    try:
        one.reset(seed=0)
    except DataError:
        raise
    except Exception as error:  # whatever its author's code raises
        raise DataError(f"A reset of {name} raised {type(error).__name__}: {error}.") from error


def has_nested_goals(space: gymnasium.Space[Any]) -> bool:
    """Whether goals are observed, and an entry is no array: a dictionary of its own, say."""
    return isinstance(space, gymnasium.spaces.Dict) and {ACHIEVED, DESIRED} <= set(space)


def with_flat_entries(one: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """The environment, each entry of whose observations is a vector."""
    spaces = dict(one.observation_space.items())  # type: ignore[attr-defined]

    def flat(obs: Any) -> dict[str, Any]:
        return {name: flatten(space, obs[name]) for name, space in spaces.items()}

    return TransformObservation(
        one, flat, gymnasium.spaces.Dict({name: flatten_space(space) for name, space in spaces.items()})
    )


def told_tolerance(one: gymnasium.Env[Any, Any]) -> float | None:
    """How far from its goal counts as reached, where the environment tells it by a name that others have, too."""
    told = (getattr(one.unwrapped, name, None) for name in _TOLERANCES)
    found = [float(number) for number in told if isinstance(number, (int, float, np.number))]
    return found[0] if found and not hasattr(one.unwrapped, _ROTATION) else None
