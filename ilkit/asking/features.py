"""What is seen and done in clips, as numbers."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.normalizer import Normalizer


def flat(tree: PyTree) -> Float[Array, "clips time entries"]:
    """All entries of what has an axis of clips and one of steps, one after the other."""
    leaves = [leaf.reshape(*leaf.shape[:2], -1).astype(jnp.float32) for leaf in jax.tree.leaves(tree)]
    return jnp.concatenate(leaves, axis=-1)


def units_of(entries: Float[Array, "clips time entries"], mask: Bool[Array, "clips time"]) -> Normalizer:
    """The units in which every entry has mean 0 and standard deviation 1 over the steps that are there.

    An entry that is the same in all of them, as far as its size can tell, stays as large as it is.
    """
    there, count = mask[..., None], jnp.maximum(jnp.sum(mask), 1)
    mean = jnp.sum(jnp.where(there, entries, 0.0), axis=(0, 1)) / count
    std = jnp.sqrt(jnp.sum(jnp.where(there, (entries - mean) ** 2, 0.0), axis=(0, 1)) / count)
    return Normalizer(mean, jnp.where(std > 1e-6 * (1.0 + jnp.abs(mean)), std, 1.0))
