"""The range that actions are cut into bins in."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.normalizer import Untrained
from ilkit.data.spaces import Box
from ilkit.data.windows import Transitions


def demonstrated_range(transitions: Transitions) -> tuple[Float[Array, " act"], Float[Array, " act"]]:
    """The least and the largest of each entry of the actions that count."""
    counted = transitions.counted[:, None]
    least = jnp.min(jnp.where(counted, transitions.actions, jnp.inf), axis=0)
    return least, jnp.max(jnp.where(counted, transitions.actions, -jnp.inf), axis=0)


class ActionRange(Untrained):
    """Bounds of actions, entry by entry: those of the space where they are finite, else those of the data.

    Before they are fitted, those of an entry without bounds are -1 and 1.
    """

    low: Float[Array | np.ndarray, " act"]
    high: Float[Array | np.ndarray, " act"]
    bounded: tuple[bool, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, space: Box) -> "ActionRange":
        """The range of a space."""
        low, high = np.asarray(space.bounds, np.float32)
        bounded = np.isfinite(low) & np.isfinite(high) & (low < high)
        low, high = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
        return cls(low.astype(np.float32), high.astype(np.float32), tuple(bounded.tolist()))

    def fitted(self, transitions: Transitions) -> "ActionRange":
        """The range of the data where the space has none; 1 to both sides of an entry that never varies."""
        if all(self.bounded):
            return self
        bounded = np.asarray(self.bounded)
        least, largest = demonstrated_range(transitions)
        added = jnp.where(largest > least, 0.0, 1.0)
        low = jnp.where(bounded, self.low, least - added)
        high = jnp.where(bounded, self.high, largest + added)
        return ActionRange(low, high, self.bounded)
