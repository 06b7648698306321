"""Standardizing observations with statistics of the training data."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


class Normalizer(eqx.Module):
    """Maps observations to mean 0 and standard deviation 1, with statistics that are fixed once fitted."""

    mean: Float[Array, " obs"]
    std: Float[Array, " obs"]

    @classmethod
    def identity(cls, size: int) -> "Normalizer":
        """The normalizer that changes nothing."""
        return cls(jnp.zeros(size), jnp.ones(size))

    @classmethod
    def fit(cls, obs: Float[Array, "capacity obs"], valid: Bool[Array, " capacity"]) -> "Normalizer":
        """Fits the rows of `obs` that are valid; a constant dimension is only centered."""
        weights = valid.astype(obs.dtype)[:, None] / valid.sum()
        mean = (weights * obs).sum(axis=0)
        std = jnp.sqrt((weights * (obs - mean) ** 2).sum(axis=0))
        return cls(mean, jnp.where(std > 1e-6, std, 1.0))

    def __call__(self, obs: Float[Array, " obs"]) -> Float[Array, " obs"]:
        """Standardizes one observation."""
        return (obs - self.mean) / self.std
