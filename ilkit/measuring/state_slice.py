"""The states that maps are drawn over, and those that were demonstrated."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment, Invertible, VectorState
from ilkit.data.spaces import Box
from ilkit.errors import DataError


class MappedStates(NamedTuple):
    """States as vectors: an environment's own or, where it doesn't tell, its observations."""

    observe: Callable[[Float[Array, " state"]], Float[Array, " obs"]]
    box: Box
    names: tuple[str, ...]
    demonstrated: Float[np.ndarray, "points state"]


def mapped_states(world: Environment | HostEnvironment, demos: Demonstrations) -> MappedStates | None:
    """The states of an environment; none where they have a single entry, or aren't vectors."""
    obs = demos.obs if demos.weights is None else demos.before(np.flatnonzero(demos.counted))
    if isinstance(world, Environment) and isinstance(world, Invertible) and isinstance(world, VectorState):
        padding = (1 << (len(obs) - 1).bit_length()) - len(obs)  # so that nothing compiles again
        padded = jnp.asarray(np.pad(obs, [(0, padding), (0, 0)], mode="edge"))
        states = np.asarray(_states_of(world, padded))[: len(obs)]
        found = MappedStates(world.observe, world.state_box, world.state_names, states)
    else:
        if not isinstance(obs, np.ndarray) or obs.ndim != 2:
            return None
        states = obs
        box = Box(low=tuple(states.min(axis=0).tolist()), high=tuple(states.max(axis=0).tolist()))
        found = MappedStates(_identity, box, tuple(f"observation {index}" for index in range(box.size)), states)
    return found if found.box.size >= 2 else None


def grid_over(
    box: Box, dims: tuple[int, int], resolution: int
) -> tuple[Float[np.ndarray, " resolution"], Float[np.ndarray, " resolution"], Float[np.ndarray, "rows columns state"]]:
    """A grid of states: x along `dims[0]`, y along `dims[1]`, all other entries at the center of the box.

    **Raises:** `DataError` where `dims` isn't in the box or the box isn't finite.
    """
    if len(set(dims)) != 2 or not all(0 <= dim < box.size for dim in dims):
        raise DataError(f"dims must be two different entries of a vector of {box.size}, got {dims}.")
    if not np.isfinite(box.bounds).all():
        raise DataError(f"A map needs a finite box, got low {box.low}, high {box.high}. Use the range of the data.")
    low, high = np.asarray(box.bounds, np.float32)
    x, y = (np.linspace(low[dim], high[dim], resolution, dtype=np.float32) for dim in dims)
    states = np.tile((low + high) / 2, (resolution, resolution, 1))
    states[..., dims[0]], states[..., dims[1]] = x, y[:, None]
    return x, y, states


@eqx.filter_jit
def _states_of(env: Invertible, obs: Float[Array, "points obs"]) -> Float[Array, "points state"]:
    return jax.vmap(env.state_of)(obs)


def _identity(state: Float[Array, " state"]) -> Float[Array, " state"]:
    return state
