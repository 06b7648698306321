"""A replay buffer: the last steps of a training run, as rows of one array for each type of number."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray, Shaped

from ilkit.data.experience import Experience
from ilkit.data.spaces import Spaces, zeros
from ilkit.math.packing import pack, unpack


class ReplayBuffer(eqx.Module):
    """A ring of rows: the newest replace the oldest. All columns lie in one array, so that a row is read at once."""

    rows: dict[str, Shaped[Array, "capacity _"]]
    count: Int[Array, ""]
    """How many rows were ever added."""
    spaces: Spaces = eqx.field(static=True)

    @classmethod
    def empty(cls, capacity: int, spaces: Spaces) -> "ReplayBuffer":
        """A buffer for steps of these spaces."""
        rows = jax.tree.map(lambda row: jnp.zeros((capacity, *row.shape), row.dtype), _example(spaces))
        return cls(pack(_example(spaces), rows), jnp.zeros((), jnp.int32), spaces)

    @property
    def capacity(self) -> int:
        """How many rows it holds at most."""
        return len(next(iter(self.rows.values())))

    def add(self, steps: Experience, kept: Bool[Array, " rows"] | None = None) -> "ReplayBuffer":
        """Adds steps; those alone that are kept, where that is said."""
        added = jnp.arange(len(steps.rewards)) + 1 if kept is None else jnp.cumsum(kept, dtype=jnp.int32)
        places = (self.count + added - 1) % self.capacity
        places = places if kept is None else jnp.where(kept, places, self.capacity)
        packed = pack(_example(self.spaces), steps)
        rows = jax.tree.map(lambda rows, each: rows.at[places].set(each, mode="drop"), self.rows, packed)
        return ReplayBuffer(rows, self.count + added[-1], self.spaces)

    def draw(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Experience:
        """Draws steps uniformly with replacement; at least one must have been added."""
        return self.at(self.places(shape, key=key))

    def places(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Int[Array, "..."]:
        """Draws where steps lie, uniformly with replacement."""
        filled = jnp.minimum(self.count, self.capacity).astype(jnp.uint32)
        bits = jax.random.bits(key, (math.prod(shape),), jnp.uint32)
        return (bits % filled).reshape(shape).astype(jnp.int32)

    def at(self, places: Int[Array, "..."]) -> Experience:
        """The steps that lie there."""
        rows: Experience = unpack(_example(self.spaces), {dtype: rows[places] for dtype, rows in self.rows.items()})
        return rows


def _example(spaces: Spaces) -> Experience:
    number: Any = np.zeros((), np.float32)
    return Experience(zeros(spaces.observation), zeros(spaces.action), number, zeros(spaces.observation), number)
