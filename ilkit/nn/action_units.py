"""The units of heads: actions as multiples of half their range, about its center."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.normalizer import Untrained
from ilkit.data.spaces import Box
from ilkit.data.windows import Transitions
from ilkit.nn.action_range import demonstrated_range

_LARGEST = 1.0 - 1e-6
"""The largest |tanh(x)| that is inverted; float32 resolves few numbers between it and 1."""


class ActionUnits(Untrained):
    """The map from what a network puts out, x, to an action: a = center + half_range · x, or · tanh(x).

    Where an entry of the space has no finite range, the center is the mean of the demonstrated actions, their standard
    deviation takes the place of half the range, and there is no tanh; before they are fitted, these are 0 and 1.
    """

    center: Float[Array | np.ndarray, "*batch act"]
    half_range: Float[Array | np.ndarray, "*batch act"]
    bounded: tuple[bool, ...] = eqx.field(static=True)
    squash: bool = eqx.field(static=True)

    @classmethod
    def of(cls, space: Box, *, squash: bool = False) -> "ActionUnits":
        """The units of a space; with `squash`, x goes through a tanh, which keeps actions within the bounds."""
        low, high = np.asarray(space.bounds, np.float32)
        bounded = np.isfinite(low) & np.isfinite(high) & (low < high)
        low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
        center, half_range = ((low + high) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)
        return cls(center, half_range, tuple(bounded.tolist()), squash)

    @classmethod
    def identity(cls, size: int) -> "ActionUnits":
        """The units in which a is x."""
        return cls(np.zeros(size, np.float32), np.ones(size, np.float32), (False,) * size, False)

    @classmethod
    def spanning(cls, transitions: Transitions) -> "ActionUnits":
        """The units in which every action lies between -1 and 1, as far as they were demonstrated; 0 if it is constant.

        What an entry has is then as large as what another one has, whatever their bounds.
        """
        low, high = demonstrated_range(transitions)
        center, half_range = (low + high) / 2, (high - low) / 2
        varies = half_range > 1e-6 * jnp.maximum(jnp.abs(center), 1e-6)
        size = transitions.actions.shape[-1]
        return cls(center, jnp.where(varies, half_range, 1.0), (False,) * size, False)

    def fitted(self, transitions: Transitions) -> "ActionUnits":
        """The same with the statistics of the actions where there is no range; a constant action is only centered."""
        if all(self.bounded):
            return self
        weights = transitions.counted[:, None] / transitions.num_counted
        mean = jnp.sum(weights * transitions.actions, axis=0)
        std = jnp.sqrt(jnp.sum(weights * (transitions.actions - mean) ** 2, axis=0))
        varies, bounded = std > 1e-6 * jnp.abs(mean), np.asarray(self.bounded)
        center = jnp.where(bounded, self.center, mean)
        half_range = jnp.where(bounded, self.half_range, jnp.where(varies, std, 1.0))
        return ActionUnits(center, half_range, self.bounded, self.squash)

    def action(self, raw: Float[Array, "*batch act"]) -> Float[Array, "*batch act"]:
        """The action that x stands for."""
        if self._squashes:
            raw = jnp.where(self.squashed, jnp.tanh(raw), raw)
        return jnp.asarray(self.center + self.half_range * raw)

    def raw(self, action: Float[Array, "*batch act"]) -> Float[Array, "*batch act"]:
        """The x that stands for an action; finite at and beyond the bounds, where tanh is inverted at 1 - 1e-6."""
        scaled = (action - self.center) / self.half_range
        if self._squashes:
            scaled = jnp.where(self.squashed, jnp.arctanh(jnp.clip(scaled, -_LARGEST, _LARGEST)), scaled)
        return scaled

    def log_slope(self, raw: Float[Array, " act"]) -> Float[Array, ""]:
        """The log of |det ∂a/∂x|, by log(1 - tanh² x) = 2 (log 2 - |x| - log(1 + exp(-2|x|))), never infinite."""
        size = jnp.abs(raw)
        squashing = 2.0 * (jnp.log(2.0) - size - jnp.log1p(jnp.exp(-2.0 * size)))
        return jnp.sum(jnp.log(self.half_range) + jnp.where(self.squashed, squashing, 0.0))

    def inside(self, action: Float[Array, " act"], margin: float) -> Float[Array, " act"]:
        """The action, moved away from bounds that tanh only reaches in the limit, by a fraction of half the range."""
        reach = self.half_range * (1.0 - margin)
        inner: Array = jnp.clip(action, self.center - reach, self.center + reach)
        return jnp.where(self.squashed, inner, action)

    @property
    def squashed(self) -> np.ndarray:
        """Which entries go through the tanh."""
        return np.asarray(self.bounded) & self.squash

    @property
    def _squashes(self) -> bool:
        return self.squash and any(self.bounded)
