"""Dropout (Srivastava et al., 2014): in training, parts of a network are left out, others for each example.

What is left out is drawn before the network is applied and lies in it as masks, so that applying it stays a function
of its inputs, and the same is left out at all steps of a window (Gal & Ghahramani, 2016).
"""

from typing import Annotated

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field

from ilkit.data.normalizer import Untrained

Rate = Annotated[float, Field(gt=0, lt=1)] | None
"""The probability with which a number is left out; None where nothing ever is."""


class Dropout(Untrained):
    """What is left out between the layers of a network: outside of training, nothing."""

    rate: Float[Array, "*stack"] | None
    masks: Float[Array, "*stack layers width"] | None = None
    """0 where a number is left out, else what scales the others up, so that the mean stays: 1 / (1 - rate)."""

    def __call__(self, layer: int, numbers: Float[Array, "*time width"]) -> Float[Array, "*time width"]:
        """What is left of the numbers that come out of a layer."""
        return numbers if self.masks is None else numbers * self.masks[layer]

    def drawn(self, num_layers: int, width: int, *, key: PRNGKeyArray) -> "Dropout":
        """The same with masks drawn."""
        if self.rate is None:
            return self
        kept = jax.random.bernoulli(key, 1.0 - self.rate, (num_layers, width))
        return Dropout(self.rate, kept / (1.0 - self.rate))


def build_dropout(rate: float | None) -> Dropout:
    """The dropout of a network at this rate, outside of training."""
    return Dropout(None if rate is None else jnp.asarray(rate, jnp.float32))
