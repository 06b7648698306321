"""A replay buffer: the last steps of a training run, as rows of one array."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ilkit.data.spaces import Spaces


class Experience(NamedTuple):
    """Steps to learn from, one a row."""

    obs: Float[Array, "*batch obs"]
    actions: Float[Array, "*batch act"]
    rewards: Float[Array, "*batch"]
    next_obs: Float[Array, "*batch obs"]
    terminated: Float[Array, "*batch"]
    """1 where the environment ended the episode, 0 where it went on or a time limit cut it."""


class ReplayBuffer(eqx.Module):
    """A ring of rows: the newest replace the oldest. One array holds all columns, so that a row is read at once."""

    rows: Float[Array, "capacity columns"]
    count: Int[Array, ""]
    """How many rows were ever added."""
    obs_size: int = eqx.field(static=True)

    @classmethod
    def empty(cls, capacity: int, spaces: Spaces) -> "ReplayBuffer":
        """A buffer for steps of these spaces."""
        columns = 2 * spaces.observation.size + spaces.action.size + 2
        return cls(jnp.zeros((capacity, columns)), jnp.zeros((), jnp.int32), spaces.observation.size)

    def add(self, steps: Experience) -> "ReplayBuffer":
        """Adds steps."""
        columns = (*steps[:2], steps.rewards[:, None], steps.next_obs, steps.terminated[:, None])
        places = (self.count + jnp.arange(len(steps.rewards))) % len(self.rows)
        rows = self.rows.at[places].set(jnp.concatenate(columns, axis=-1))
        return ReplayBuffer(rows, self.count + len(steps.rewards), self.obs_size)

    def draw(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Experience:
        """Draws steps uniformly with replacement; at least one must have been added."""
        filled = jnp.minimum(self.count, len(self.rows)).astype(jnp.uint32)
        bits = jax.random.bits(key, (math.prod(shape),), jnp.uint32)
        drawn = self.rows[(bits % filled).reshape(shape).astype(jnp.int32)]
        size = self.obs_size
        obs, actions, rest = drawn[..., :size], drawn[..., size : -size - 2], drawn[..., -size - 2 :]
        return Experience(obs, actions, rest[..., 0], rest[..., 1:-1], rest[..., -1])
