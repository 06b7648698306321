"""The units of heads: actions as multiples of half the range of a bounded action space, about its center."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ilkit.data.spaces import Box

_LARGEST = 1.0 - 1e-6
"""The largest |tanh(x)| that is inverted; float32 resolves few numbers between it and 1."""


class ActionUnits(NamedTuple):
    """The map from what a network puts out, x, to an action: a = center + half_range · x, or · tanh(x).

    Where an entry of the space has no finite range it is left as it is: center 0, half range 1, no tanh.
    """

    center: Float[np.ndarray, " act"]
    half_range: Float[np.ndarray, " act"]
    squashed: Bool[np.ndarray, " act"]

    @classmethod
    def of(cls, space: Box, *, squash: bool = False) -> "ActionUnits":
        """The units of a space; with `squash`, x goes through a tanh, which keeps actions within the bounds."""
        low, high = np.array(space.low, np.float32), np.array(space.high, np.float32)
        bounded = np.isfinite(low) & np.isfinite(high) & (low < high)
        low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
        return cls(((low + high) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32), bounded & squash)

    def action(self, raw: Float[Array, "*batch act"]) -> Float[Array, "*batch act"]:
        """The action that x stands for."""
        if self.squashed.any():
            raw = jnp.where(self.squashed, jnp.tanh(raw), raw)
        return self.center + self.half_range * raw

    def raw(self, action: Float[Array, "*batch act"]) -> Float[Array, "*batch act"]:
        """The x that stands for an action; finite at and beyond the bounds, where tanh is inverted at 1 - 1e-6."""
        scaled = (action - self.center) / self.half_range
        if self.squashed.any():
            scaled = jnp.where(self.squashed, jnp.arctanh(jnp.clip(scaled, -_LARGEST, _LARGEST)), scaled)
        return scaled

    def log_slope(self, raw: Float[Array, " act"]) -> Float[Array, ""]:
        """The log of |det ∂a/∂x|, by log(1 - tanh² x) = 2 (log 2 - |x| - log(1 + exp(-2|x|))), never infinite."""
        size = jnp.abs(raw)
        squashing = 2.0 * (jnp.log(2.0) - size - jnp.log1p(jnp.exp(-2.0 * size)))
        return jnp.sum(np.log(self.half_range) + jnp.where(self.squashed, squashing, 0.0))

    def inside(self, action: Float[Array, " act"], margin: float) -> Float[Array, " act"]:
        """The action, moved away from bounds that tanh only reaches in the limit, by a fraction of half the range."""
        reach = self.half_range * (1.0 - margin)
        return jnp.where(self.squashed, jnp.clip(action, self.center - reach, self.center + reach), action)
