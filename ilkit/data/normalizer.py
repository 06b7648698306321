"""Standardizing observations with statistics of the training data."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree, Shaped

from ilkit.data.spaces import Box, Space, zeros


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

        def weighted(rows: Float[Array, "capacity ..."]) -> Float[Array, "..."]:
            weights = valid.astype(rows.dtype).reshape(-1, *[1] * (rows.ndim - 1)) / valid.sum()
            return (weights * rows).sum(axis=0)

        rows = floating(obs)
        mean = jax.tree.map(weighted, rows)
        std = jax.tree.map(lambda rows, mean: jnp.sqrt(weighted((rows - mean) ** 2)), rows, mean)
        return cls(mean, jax.tree.map(lambda std: jnp.where(std > 1e-6, std, 1.0), std))

    def __call__(self, obs: PyTree[Shaped[Array, "..."]]) -> PyTree[Shaped[Array, "..."]]:
        """Standardizes observations."""
        return jax.tree.map(
            lambda values, mean, std: values if mean is None else (values - mean) / std, obs, self.mean, self.std
        )


def floating(obs: PyTree) -> PyTree:
    """The observation with None for entries that aren't real numbers."""
    return jax.tree.map(lambda values: values if jnp.issubdtype(values.dtype, jnp.floating) else None, obs)
