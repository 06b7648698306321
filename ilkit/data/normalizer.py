"""Standardizing observations with statistics of the training data."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from ilkit.data.spaces import Box, Space, zeros

Read = Callable[[Int[Array, " rows"]], PyTree]
"""Gives what stands in these rows."""
_BLOCK_ENTRIES = 1 << 22


class Untrained(eqx.Module):
    """Numbers that gradient steps leave alone, wherever they lie in what is trained."""


class Normalizer(Untrained):
    """Maps observations to mean 0 and standard deviation 1, with statistics that are fixed once fitted.

    Entries that aren't real numbers stay as they are. Any number of axes may lead.
    """

    mean: PyTree[Float[Array, "..."] | None]
    """Like an observation, with None for entries that aren't real numbers."""
    std: PyTree[Float[Array, "..."] | None]

    @classmethod
    def identity(cls, space: Space | int) -> "Normalizer":
        """The normalizer of a space, or of vectors of this size, that changes nothing."""
        given = Box(shape=(space,), low=-np.inf, high=np.inf) if isinstance(space, int) else space
        nothing = jax.tree.map(jnp.asarray, floating(zeros(given)))
        return cls(nothing, jax.tree.map(jnp.ones_like, nothing))

    @classmethod
    def fit(cls, obs: PyTree[Shaped[Array, "capacity ..."]], valid: Bool[Array, " capacity"]) -> "Normalizer":
        """Fits the rows of `obs` that are valid; a constant entry is only centered."""
        return cls.fit_rows(lambda rows: jax.tree.map(lambda column: column[rows], obs), valid)

    @classmethod
    def fit_rows(cls, read: Read, valid: Bool[Array, " capacity"]) -> "Normalizer":
        """Fits what `read` gives for the rows that are valid, a block of them at a time."""

        def weighted(rows: Int[Array, " block"], values: Float[Array, "block ..."]) -> Float[Array, "..."]:
            weights = valid[rows].astype(values.dtype).reshape(-1, *[1] * (values.ndim - 1)) / valid.sum()
            return (weights * values).sum(axis=0)

        def first(rows: Int[Array, " block"]) -> PyTree:
            return jax.tree.map(lambda values: weighted(rows, values), floating(read(rows)))

        def second(rows: Int[Array, " block"]) -> PyTree:
            read_now = floating(read(rows))
            return jax.tree.map(lambda values, mean: weighted(rows, (values - mean) ** 2), read_now, mean)

        row = jax.eval_shape(read, jax.ShapeDtypeStruct((1,), "int32"))
        block = _block_size(len(valid), max(leaf.size for leaf in jax.tree.leaves(row)))
        mean = _sum_of_blocks(first, len(valid), block)
        std = jax.tree.map(jnp.sqrt, _sum_of_blocks(second, len(valid), block))
        return cls(mean, jax.tree.map(lambda std: jnp.where(std > 1e-6, std, 1.0), std))

    def __call__(self, obs: PyTree[Shaped[Array, "..."]]) -> PyTree[Shaped[Array, "..."]]:
        """Standardizes observations."""
        return jax.tree.map(
            lambda values, mean, std: values if mean is None else (values - mean) / std, obs, self.mean, self.std
        )


def _block_size(capacity: int, entries: int) -> int:
    """All rows where they are few, else as many as a divisor of the capacity allows."""
    most = max(_BLOCK_ENTRIES // entries, 1)
    return capacity if capacity <= most else math.gcd(capacity, 1 << (most.bit_length() - 1))


def _sum_of_blocks(term: Read, capacity: int, block: int) -> PyTree:
    """The sum over all rows of a sum over rows, a block of which is read at once."""
    if block == capacity:
        return term(jnp.arange(capacity))

    def add(total: PyTree, start: Array) -> tuple[PyTree, None]:
        return jax.tree.map(jnp.add, total, term(start + jnp.arange(block))), None

    nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(term, jax.ShapeDtypeStruct((block,), "int32")))
    return jax.lax.scan(add, nothing, jnp.arange(0, capacity, block))[0]


def floating(obs: PyTree) -> PyTree:
    """The observation with None for entries that aren't real numbers."""
    return jax.tree.map(lambda values: values if jnp.issubdtype(values.dtype, jnp.floating) else None, obs)
