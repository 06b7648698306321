"""Averaging weights along the way: what is learnt is steadier than any of the steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

_LARGEST_DECAY = 0.9999


class Average(NamedTuple):
    """w̄ ← d w̄ + (1 - d) w with the decay d = 1 - (1 + step)^-¾, at most .9999 (Chi et al., Diffusion Policy, 2023)."""

    weights: PyTree
    step: Float[Array, ""]

    @classmethod
    def of(cls, weights: PyTree) -> "Average":
        """The average of one point, which has no weight of its own yet."""
        return cls(weights, jnp.zeros(()))

    def add(self, weights: PyTree) -> "Average":
        """Takes the weights after one more step in."""
        decay = jnp.minimum(1.0 - (1.0 + self.step) ** -0.75, _LARGEST_DECAY)
        averaged = jax.tree.map(lambda old, new: decay * old + (1.0 - decay) * new, self.weights, weights)
        return Average(averaged, self.step + 1.0)
