"""What is seen and done in clips, as numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree


def flat(tree: PyTree) -> Float[Array, "clips time entries"]:
    """All entries of what has an axis of clips and one of steps, one after the other."""
    leaves = [leaf.reshape(*leaf.shape[:2], -1).astype(jnp.float32) for leaf in jax.tree.leaves(tree)]
    return jnp.concatenate(leaves, axis=-1)


class Units(eqx.Module):
    """The units in which every entry has mean 0 and standard deviation 1 over some steps."""

    mean: Float[Array, " entries"]
    std: Float[Array, " entries"]

    @classmethod
    def fit(cls, entries: Float[Array, "clips time entries"], mask: Bool[Array, "clips time"]) -> "Units":
        """The units of the steps that are there; an entry that is the same in all of them stays as large as it is."""
        there, count = mask[..., None], jnp.maximum(jnp.sum(mask), 1)
        mean = jnp.sum(jnp.where(there, entries, 0.0), axis=(0, 1)) / count
        std = jnp.sqrt(jnp.sum(jnp.where(there, (entries - mean) ** 2, 0.0), axis=(0, 1)) / count)
        return cls(mean, jnp.where(std > 1e-6 * (1.0 + jnp.abs(mean)), std, 1.0))

    def __call__(self, entries: Float[Array, "clips time entries"]) -> Float[Array, "clips time entries"]:
        """Entries in these units."""
        return (entries - self.mean) / self.std
