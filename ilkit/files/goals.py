"""Recordings without goals get some: where an episode ended is where it is taken to have been told to go."""

import dataclasses
from pathlib import Path

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED, warn_of_tolerance
from ilkit.data.goal_settings import Goal
from ilkit.errors import DataError


def give_goals(demos: Demonstrations, goal: Goal, path: Path) -> Demonstrations:
    """The same episodes, whose observations are dictionaries with goals.

    Where nothing that was recorded tells where to go, that is what the episode achieved at its end. Where a tolerance
    is given, the reward is 1 for a step that ends so near to the goal, and 0 for others; else what was recorded.

    **Raises:** `DataError` where the settings don't fit the observations.
    """
    space = demos.spaces.observation
    for fault in goal.faults(space):
        raise DataError(f"{path}: goal.{fault}.")
    rest, achieved, desired = goal.parts(space, demos.obs)
    if desired is None:
        ends = np.cumsum(demos.lengths.astype(np.int64) + 1) - 1
        desired = np.repeat(achieved[ends], demos.lengths + 1, axis=0)
    observed = goal.space(space)
    given = dataclasses.replace(
        demos,
        obs=dict(sorted({**rest, ACHIEVED: achieved, DESIRED: desired}.items())),
        spaces=demos.spaces.model_copy(update={"observation": observed}),
    )
    if goal.tolerance is None:
        return given
    warn_of_tolerance(goal.tolerance, observed)
    led_to = np.arange(demos.num_steps) + demos.episode_of() + 1
    away = (achieved[led_to].astype(np.float64) - desired[led_to]).reshape(demos.num_steps, -1)
    near = np.linalg.norm(away, axis=1) <= goal.tolerance
    return dataclasses.replace(given, rewards=near.astype(np.float32))
