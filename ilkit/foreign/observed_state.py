"""Finding out from random episodes how a state follows from its observation, where nobody says so.

An entry of the state is a copy of an entry of the observation, or the angle of two of them (its cosine and its sine),
or else it stays what it is in an initial state. Whether states so found behave as the true ones is then measured: same
observation, and from there the same step. A counter that only a time limit reads is thereby no obstacle.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_TOLERANCE = 1e-5
_NUM_ROWS = 128


class StateSources(NamedTuple):
    """For each entry of the state, where in the observation it is read; equal and hashable by value."""

    cosines: tuple[int, ...]
    """The entry of the observation that is the cosine of this angle, -1 where this is no angle."""
    values: tuple[int, ...]
    """The entry that is the sine of this angle, or this itself; -1 where this stands nowhere."""
    defaults: tuple[float, ...]
    """The entries of an initial state."""

    @property
    def missing(self) -> tuple[int, ...]:
        """The entries that stand nowhere in the observation."""
        return tuple(index for index, value in enumerate(self.values) if value < 0)

    def state(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        """The state that an observation belongs to."""
        cosines, values = np.asarray(self.cosines), np.asarray(self.values)
        read = obs[np.maximum(values, 0)]
        angle = jnp.arctan2(read, obs[np.maximum(cosines, 0)])
        known = jnp.where(cosines >= 0, angle, read)
        return jnp.where(values >= 0, known, jnp.asarray(self.defaults, jnp.float32))


def state_sources(states: Float[np.ndarray, "rows state"], obs: Float[np.ndarray, "rows obs"]) -> StateSources:
    """Reads the sources off states and their observations; the first row is an initial state."""
    rows = np.unique(np.linspace(0, len(states) - 1, _NUM_ROWS).astype(int))
    defaults = tuple(states[0].tolist())
    found = [_source(entry, obs[rows]) for entry in states[rows].T]
    return StateSources(tuple(cosine for cosine, _ in found), tuple(value for _, value in found), defaults)


def _source(entry: Float[np.ndarray, " rows"], obs: Float[np.ndarray, "rows obs"]) -> tuple[int, int]:
    if np.ptp(entry) == 0.0:
        return -1, -1
    copied = _equal(entry, obs)
    if copied >= 0:
        return -1, copied
    cosine, sine = _equal(np.cos(entry), obs), _equal(np.sin(entry), obs)
    return (cosine, sine) if cosine >= 0 and sine >= 0 else (-1, -1)


def _equal(entry: Float[np.ndarray, " rows"], obs: Float[np.ndarray, "rows obs"]) -> int:
    scale = 1.0 + np.abs(entry).max()
    near = (np.abs(obs - entry[:, None]) <= _TOLERANCE * scale).all(axis=0)
    return int(near.argmax()) if near.any() else -1


def behave_alike(first: tuple[Array, ...], second: tuple[Array, ...]) -> bool:
    """Whether what two sets of states lead to is the same but for rounding."""
    pairs = zip(jax.device_get(first), jax.device_get(second), strict=True)
    return all(np.allclose(np.asarray(one, float), np.asarray(other, float), 1e-3, 1e-3) for one, other in pairs)
