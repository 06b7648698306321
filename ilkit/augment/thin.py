"""Thinned demonstrations, as adversarial imitation is tried on them: every k-th step of an episode counts.

A recording of a whole episode holds much the same state many times over. What is left counts 1, from an offset drawn
for each episode on, and everything else 0 (Ho and Ermon, 2016: every 20th step of MuJoCo's tasks, every 10th of
CartPole, every 5th of Acrobot and MountainCar). All steps stay, so that nothing forgets how long an episode was.
"""

from dataclasses import replace
from typing import Literal

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.errors import DataError
from ilkit.spec import Spec


class Thin(Spec):
    """Every k-th step of each episode counts, the others don't (Ho and Ermon, 2016)."""

    kind: Literal["thin"] = "thin"
    every: PositiveInt = 5
    """k: from one step that counts to the next one; with 1 all steps count as they did before."""
    num_episodes: PositiveInt | None = None
    """How many episodes to take, the first ones; none where it is all of them."""


def augment(
    spec: Thin, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Weighs steps by 0, but for every k-th from an offset below k on; of a shorter episode one step always counts.

    **Raises:** `DataError` where there are fewer episodes than were asked for, or no step is left that counted before.
    """
    del env
    if spec.num_episodes is not None:
        demos = _first(spec.num_episodes, demos)
    if spec.every == 1:
        return demos
    drawn = np.asarray(jax.random.uniform(key, (demos.num_episodes,)), np.float64)
    offsets = np.floor(drawn * np.minimum(spec.every, demos.lengths)).astype(np.int64)
    place = np.arange(demos.num_steps) - np.repeat(demos.starts, demos.lengths)
    kept = (place - np.repeat(offsets, demos.lengths)) % spec.every == 0
    before = np.ones(demos.num_steps, np.float32) if demos.weights is None else demos.weights
    return replace(demos, weights=before * kept.astype(np.float32))


def _first(count: int, demos: Demonstrations) -> Demonstrations:
    if count > demos.num_episodes:
        raise DataError(
            f"augment.thin.num_episodes must be at most the number of episodes, {demos.num_episodes}, got {count}. "
            "Lower it, or record more."
        )
    return demos.take(np.arange(count))
