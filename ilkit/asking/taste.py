"""What somebody likes of clips beside what they return."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.asking.features import flat, units_of
from ilkit.asking.judge import Scale
from ilkit.data.normalizer import Normalizer
from ilkit.data.preferences import Clips


class Taste(eqx.Module):
    """A linear function of the means of what is seen and done in a clip, the same in every answer of one person."""

    units: Normalizer
    weights: Float[Array, " entries"]
    scale: Scale

    @classmethod
    def fit(cls, clips: Clips, seed: Array) -> "Taste":
        """The taste that a number draws, with mean 0 and standard deviation 1 over these clips."""
        entries = flat((clips.obs, clips.actions))
        weights = jax.random.normal(jax.random.key(seed), (entries.shape[-1],))
        taste = cls(units_of(entries, clips.mask), weights, Scale.identity())
        scale = Scale.fit(taste(clips), clips.mask.any(axis=1))
        return eqx.tree_at(lambda one: one.scale, taste, scale)

    def __call__(self, clips: Clips) -> Float[Array, " clips"]:
        """How much each clip is liked."""
        liked = self.units(flat((clips.obs, clips.actions))) @ self.weights
        steps = jnp.maximum(jnp.sum(clips.mask, axis=1), 1)
        return self.scale(jnp.sum(jnp.where(clips.mask, liked, 0.0), axis=1) / steps)
