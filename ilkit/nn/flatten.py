"""Observations as vectors: what a fully connected network takes in."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space


def flatten(space: Space, obs: PyTree) -> Float[Array, "*batch size"]:
    """One vector for each observation of a space: entries of a dictionary by name, whole numbers as one-hot vectors.

    Integers with finite bounds, such as pixels, are scaled to 0 to 1. Any number of axes may lead.
    """
    if isinstance(space, Dict):
        return jnp.concatenate([flatten(entry, obs[name]) for name, entry in space.entries], axis=-1)
    if isinstance(space, Discrete):
        return jax.nn.one_hot(obs - space.start, space.size)
    if isinstance(space, MultiDiscrete):
        return jnp.concatenate([jax.nn.one_hot(obs[..., i], size) for i, size in enumerate(space.sizes)], axis=-1)
    numbers = obs if space.is_floating else scaled(space, obs)
    if len(space.shape) == 1:
        return numbers
    return numbers.reshape(*numbers.shape[: numbers.ndim - len(space.shape)], space.size)


def scaled(space: Box, obs: Array) -> Float[Array, "..."]:
    """Whole numbers with finite bounds, such as pixels, from 0 to 1; without, as they are."""
    low, high = np.asarray(space.bounds, np.float32)
    bounded = np.isfinite(low) & np.isfinite(high) & (low < high)
    least, span = np.where(bounded, low, 0.0), np.where(bounded, high - np.where(bounded, low, 0.0), 1.0)
    return (obs.astype(jnp.float32) - least.astype(np.float32)) / span.astype(np.float32)
