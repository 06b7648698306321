"""Mirrored episodes: where the dynamics are symmetric, the image of an episode under the symmetry is one, too."""

from dataclasses import replace
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.environment import Environment, HostEnvironment, Mirrored
from ilkit.errors import DataError
from ilkit.spec import Spec


class Mirror(Spec):
    """The mirror images of the episodes, appended."""

    kind: Literal["mirror"] = "mirror"


def augment(
    spec: Mirror, env: Build[Environment | HostEnvironment], demos: Demonstrations, *, key: PRNGKeyArray
) -> Demonstrations:
    """Appends the mirror images.

    **Raises:** `DataError` where the environment has no mirror symmetry.
    """
    del spec, key
    world = env()
    if not isinstance(world, Mirrored):
        raise DataError(f"augment.kind mirror needs an environment with a known symmetry, got env.kind {env.kind}.")
    obs, actions = _images(world, demos, demos.actions)
    executed = None if demos.executed is None else _images(world, demos, demos.executed)[1]
    return concatenate([demos, replace(demos, obs=obs, actions=actions, executed=executed)])


def _images(world: Mirrored, demos: Demonstrations, actions: np.ndarray) -> tuple[PyTree, np.ndarray]:
    """The mirror images of all observations, and of the actions beside them."""
    is_last = np.zeros(demos.num_obs, bool)
    is_last[demos.stops + np.arange(demos.num_episodes)] = True
    beside = np.zeros((demos.num_obs, *actions.shape[1:]), actions.dtype)
    beside[~is_last] = actions
    images = _mirror(world, jax.tree.map(_pad, demos.obs), _pad(beside))
    obs, mirrored = jax.tree.map(lambda image: np.asarray(image)[: len(is_last)], images)
    return obs, mirrored[~is_last]


@eqx.filter_jit
def _mirror(env: Mirrored, obs: PyTree, actions: Array) -> tuple[PyTree, Array]:
    return jax.vmap(env.mirror)(obs, actions)


def _pad(rows: np.ndarray) -> Array:
    """Pads to a power of two, so that one row more compiles nothing."""
    capacity = 1 << max(len(rows) - 1, 0).bit_length()
    return jnp.asarray(np.pad(rows, [(0, capacity - len(rows)), *[(0, 0)] * (rows.ndim - 1)]))
