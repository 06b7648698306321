"""Standardizing observations with statistics of the training data."""

import math
from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.spaces import Box, Dict, Space, zeros

Model = TypeVar("Model")
Read = Callable[[Int[Array, " rows"]], PyTree]
"""Gives what stands in these rows."""
_BLOCK_ENTRIES = 1 << 22


class Untrained(eqx.Module):
    """Numbers that gradient steps leave alone, wherever they lie in what is trained."""


class Normalizer(Untrained):
    """Maps observations to mean 0 and standard deviation 1, with statistics that are fixed once fitted.

    Entries that aren't real numbers stay as they are. Any number of axes may lead. Goals have the statistics of what
    was achieved, so that both are on one scale: those that were asked for are few.
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

        some = jax.tree.map(lambda column: column[0], floating(read(jnp.argmax(valid)[None])))

        def others(rows: Int[Array, " block"]) -> PyTree:
            return jax.tree.map(lambda values, one: weighted(rows, jnp.abs(values - one)), floating(read(rows)), some)

        row = jax.eval_shape(read, jax.ShapeDtypeStruct((1,), "int32"))
        block = _block_size(len(valid), max(leaf.size for leaf in jax.tree.leaves(row)))
        mean = _sum_of_blocks(first, len(valid), block)
        std = jax.tree.map(jnp.sqrt, _sum_of_blocks(second, len(valid), block))
        varies = jax.tree.map(lambda gap: gap > 0.0, _sum_of_blocks(others, len(valid), block))
        mean = jax.tree.map(jnp.where, varies, mean, some)  # a sum of equal numbers is rounded, and seems to vary
        std = jax.tree.map(lambda varies, std: jnp.where(varies & (std > 1e-6), std, 1.0), varies, std)
        return cls(_goals_as_achieved(mean), _goals_as_achieved(std))

    def __call__(self, obs: PyTree[Shaped[Array, "..."]]) -> PyTree[Shaped[Array, "..."]]:
        """Standardizes observations."""
        return jax.tree.map(
            lambda values, mean, std: values if mean is None else (values - mean) / std, obs, self.mean, self.std
        )


class RelativeGoals(Normalizer):
    """A normalizer that gives a goal as the way there: (goal - achieved) / scale, in units of what is a usual way.

    A goal a few steps ahead differs from the state by a hundredth of the map, which the map's scale hides.
    """

    goal_scale: Float[Array, "..."]
    """The root mean square of goal - achieved over goals that were drawn."""

    def __call__(self, obs: PyTree[Shaped[Array, "..."]]) -> PyTree[Shaped[Array, "..."]]:
        """Standardizes observations, and the way to the goal."""
        way = (obs[DESIRED] - obs[ACHIEVED]) / self.goal_scale
        return {**super().__call__(obs), DESIRED: way}


def replace_normalizers(model: Model, replacement: Callable[[Normalizer], Normalizer]) -> Model:
    """A policy, or what holds one, with another normalizer in place of each of its own."""

    def replaced(node: PyTree) -> PyTree:
        return replacement(node) if isinstance(node, Normalizer) else node

    return jax.tree.map(replaced, model, is_leaf=lambda node: isinstance(node, Normalizer))


def within_bounds(normalizer: Normalizer, space: Space) -> Normalizer:
    """The normalizer that maps what lies between two ends of the space to -1 to 1, and leaves the rest as it is."""
    if isinstance(space, Dict):
        found = {
            name: within_bounds(Normalizer(normalizer.mean[name], normalizer.std[name]), entry)
            for name, entry in space.entries
        }
        return Normalizer(*({name: getattr(one, side) for name, one in found.items()} for side in ("mean", "std")))
    if normalizer.mean is None or not isinstance(space, Box):
        return normalizer
    low, high = (np.asarray(end, np.float32) for end in space.bounds)
    bounded = np.isfinite(low) & np.isfinite(high) & (low < high)
    least, most = np.where(bounded, low, 0.0), np.where(bounded, high, 0.0)
    middle, half = (least + most) / 2, (most - least) / 2
    return Normalizer(jnp.where(bounded, middle, normalizer.mean), jnp.where(bounded, half, normalizer.std))


def _goals_as_achieved(statistics: PyTree) -> PyTree:
    if not isinstance(statistics, dict) or not {ACHIEVED, DESIRED} <= statistics.keys():
        return statistics
    achieved, desired = statistics[ACHIEVED], statistics[DESIRED]
    alike = achieved is not None and desired is not None and achieved.shape == desired.shape
    return {**statistics, DESIRED: achieved} if alike else statistics


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
