"""Play: a random direction, kept for some steps, then another one, whatever is observed.

a = middle + half range · d,    d uniform on the unit sphere, drawn anew every `period` steps
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces, described
from ilkit.errors import refuse
from ilkit.spec import Spec


class Wander(Spec):
    """Play: a random direction, kept for `period` steps; it is drawn only where the rollout is `stochastic`."""

    kind: Literal["wander"] = "wander"
    period: PositiveInt = 10
    """How many steps a direction is kept."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """Actions without directions, or without ends."""
        space = world.spaces.action
        if not isinstance(space, Box):
            yield f"env: must have actions that are vectors, got {described(space)}. Choose one with a Box."
        elif not np.isfinite(space.bounds).all():
            yield f"env: must have finite limits of actions, got {space}. Give them in the environment."


class Wandering(NamedTuple):
    """What is kept from step to step."""

    taken: Int[Array, ""]
    """How many steps were taken."""
    direction: Float[Array, "*act"]


class WanderPolicy(Policy):
    """Keeps a random direction for some steps."""

    has_mode: ClassVar[bool] = False
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    period: int = eqx.field(static=True)

    def initial_carry(self) -> Wandering:
        """No step taken, no direction chosen."""
        return Wandering(jnp.zeros((), jnp.int32), jnp.zeros(self.spaces.action.shape))

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """One direction always: what is uniform has no mode."""
        return self.sample(carry, obs, key=jax.random.key(0))

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """Goes on, or draws a direction where the last one was kept long enough."""
        del obs
        low, high = np.asarray(self.spaces.action.bounds, np.float32)  # type: ignore[union-attr]
        drawn = jax.random.normal(key, low.shape)
        drawn = drawn / jnp.maximum(jnp.linalg.norm(drawn.reshape(-1)), 1e-6)
        direction = jnp.where(carry.taken % self.period == 0, drawn, carry.direction)
        return Wandering(carry.taken + 1, direction), (low + high) / 2 + (high - low) / 2 * direction


def expert(spec: Wander, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Plays in the environment.

    **Raises:** `DataError` where actions are no vectors with finite limits.
    """
    del key
    world = env()
    refuse("expert.wander", spec.faults(world))
    return WanderPolicy(
        normalizer=Normalizer.identity(world.spaces.observation), spaces=world.spaces, period=spec.period
    )
