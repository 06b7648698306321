"""A policy that is a table: the probability of each action in each state, at each time."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete, Spaces
from ilkit.nn.state_table import StateTable


class TabularPolicy(Policy):
    """π_t(a | s), looked up; the carry is the time t, and after the last one its table goes on."""

    logits: Float[Array, "times states actions"]
    """log π_t(a | s) up to a constant; with one time, the policy is stationary."""
    table: StateTable
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @classmethod
    def of(cls, spaces: Spaces, table: StateTable, logits: Float[Array, "times states actions"]) -> "TabularPolicy":
        """The policy with these tables."""
        return cls(logits=logits, table=table, normalizer=Normalizer.identity(spaces.observation), spaces=spaces)

    def initial_carry(self) -> Int[Array, ""]:
        """The first time, 0."""
        return jnp.zeros((), jnp.int32)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Int[Array, ""]]:
        """The most probable action."""
        return carry + 1, self._action(jnp.argmax(self._logits(carry, obs)))

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Int[Array, ""]]:
        """Draws an action."""
        return carry + 1, self._action(jax.random.categorical(key, self._logits(carry, obs)))

    def log_prob(self, carry: PyTree, obs: PyTree, action: Int[Array, ""]) -> tuple[PyTree, Float[Array, ""]]:
        """The logarithm of π_t(a | s)."""
        return carry + 1, jax.nn.log_softmax(self._logits(carry, obs))[action - _start(self.spaces)]

    def _logits(self, time: Int[Array, ""], obs: PyTree) -> Float[Array, " actions"]:
        return self.logits[jnp.minimum(time, len(self.logits) - 1), self.table(obs)]

    def _action(self, place: Int[Array, ""]) -> Int[Array, ""]:
        return (_start(self.spaces) + place).astype(jnp.int32)


def _start(spaces: Spaces) -> int:
    return spaces.action.start if isinstance(spaces.action, Discrete) else 0
