"""Episodes of each policy as pictures that move."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.measuring.comparison import Measurement
from ilkit.reporting.animation import animate, shown_steps
from ilkit.reporting.findings import Rollout
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.frames import frames_of

_HEIGHT = 160
"""Of the pictures, in pixels."""


def show_rollouts(
    world: Environment | HostEnvironment,
    episodes: Mapping[str, list[Episodes]],
    measured: Mapping[str, Measurement],
    *,
    key: PRNGKeyArray,
) -> dict[str, Rollout]:
    """The first episode of each policy's median seed; none where the environment can't be drawn."""
    if not episodes:
        return {}
    seeds = {
        name: int(np.argsort(measured[name].outcomes.mean(axis=1), kind="stable")[(measured[name].num_seeds - 1) // 2])
        for name in episodes
    }
    shown = {name: runs[seeds[name]] for name, runs in episodes.items()}
    steps = shown_steps({name: int(one.lengths[0]) for name, one in shown.items()})
    found = {}
    for name, one in shown.items():
        frames = frames_of(world, one, steps, height=_HEIGHT, key=key)
        if frames is None:
            return {}
        found[name] = Rollout(animate(steps, frames), seeds[name], float(one.returns[0]), int(one.lengths[0]))
    return found
