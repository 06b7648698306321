"""Which state it is, by what it observes: what policies and rewards that are tables look up by."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree, Shaped

from ilkit.data.normalizer import Untrained
from ilkit.data.spaces import Space
from ilkit.errors import DataError
from ilkit.nn.flatten import flatten

_NEAR = 1e-3
"""The largest difference of an entry from what a state observes."""


class StateTable(Untrained):
    """The number of a state, by what it observes."""

    rows: Float[Array, "states entries"]
    """What each state observes, as one vector."""
    observation: Space = eqx.field(static=True)

    @classmethod
    def of(cls, observation: Space, observations: PyTree[Shaped[Array, "states ..."]]) -> "StateTable":
        """The table of what states observe."""
        return cls(flatten(observation, observations).astype(jnp.float32), observation)

    def __call__(self, obs: PyTree) -> Int[Array, ""]:
        """The state that observes this, or what comes nearest to it."""
        square = jnp.sum((self.rows - flatten(self.observation, obs)) ** 2, axis=-1)
        return jnp.argmin(square).astype(jnp.int32)

    def numbers(self, obs: PyTree[Shaped[np.ndarray, "rows ..."]]) -> Int[np.ndarray, " rows"]:
        """The states of recorded observations.

        **Raises:** `DataError` where one is that of no state.
        """
        given = jax.tree.map(jnp.asarray, obs)
        states = np.asarray(jax.vmap(self)(given))
        off = np.abs(np.asarray(flatten(self.observation, given)) - np.asarray(self.rows)[states]).max(axis=-1)
        strange = np.flatnonzero(~(off <= _NEAR))
        if len(strange):
            raise DataError(
                f"Demonstrations must observe states of the environment, but {len(strange)} of {len(states)} "
                f"observations are those of none (the first in row {strange[0]}). Record them in this environment, "
                "without noise on what is observed."
            )
        return states
