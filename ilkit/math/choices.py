"""Choosing among several by one normal number: the inverse of their cumulated probabilities."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

_SMALLEST = 1e-7
"""The least quantile, so that nothing of probability 0 is chosen."""


def choice_at(logits: Float[Array, " choices"], noise: Float[Array, ""]) -> tuple[Int[Array, ""], Float[Array, ""]]:
    """The choice that the quantile Φ(noise) falls on, and how far along its share it does, from 0 to 1.

    With noise ~ N(0, 1), choice k has the probability softmax(logits)_k, and the place is uniform.
    """
    shares = jax.nn.softmax(logits)
    ends = jnp.cumsum(shares)
    quantile = ends[-1] * jnp.maximum(jax.scipy.stats.norm.cdf(noise), _SMALLEST)
    chosen = jnp.argmax(ends >= quantile)
    return chosen, jnp.clip(1.0 - (ends[chosen] - quantile) / shares[chosen], 0.0, 1.0)
