"""What a discriminator sees of a step."""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Spaces
from ilkit.data.windows import Transitions
from ilkit.nn.flatten import flatten

Inputs = Literal["state", "next_state", "state_action", "state_next_state", "state_action_next_state"]
"""What of a step (s, a, s') a discriminator sees; without the action, imitation is from observations alone."""


def reads_action(inputs: Inputs) -> bool:
    """Whether the action is among them."""
    return "action" in inputs


def reads_next_state(inputs: Inputs) -> bool:
    """Whether s' is among them."""
    return "next_state" in inputs


def reads_state(inputs: Inputs) -> bool:
    """Whether s is among them."""
    return inputs != "next_state"


class Features(eqx.Module):
    """A step as one vector: observations and actions in standard deviations of the demonstrated ones.

    With `absorbing`, the last entry is 1 for the absorbing state, whose other entries are 0, and 0 for all steps.
    """

    obs: Normalizer
    actions: Normalizer
    spaces: Spaces = eqx.field(static=True)
    inputs: Inputs = eqx.field(static=True)
    absorbing: bool = eqx.field(static=True)

    @classmethod
    def of(
        cls, obs: Normalizer, spaces: Spaces, transitions: Transitions, inputs: Inputs, *, absorbing: bool
    ) -> "Features":
        """Those of demonstrations, whose observations a normalizer was fitted to."""
        actions = Normalizer.fit(transitions.actions, transitions.counted)
        return cls(obs, actions, spaces, inputs, absorbing)

    @property
    def size(self) -> int:
        """The number of entries."""
        seen = reads_state(self.inputs) + reads_next_state(self.inputs)
        action = self.spaces.action.size if reads_action(self.inputs) else 0
        return seen * self.spaces.observation.size + action + self.absorbing

    def __call__(self, obs: PyTree, action: Array, next_obs: PyTree) -> Float[Array, "*batch size"]:
        """The vector of a step, or of many; an action outside of its space is seen as it was chosen."""
        parts = []
        if reads_state(self.inputs):
            parts.append(self._state(obs))
        if reads_action(self.inputs):
            parts.append(flatten(self.spaces.action, self.actions(action)))
        if reads_next_state(self.inputs):
            parts.append(self._state(next_obs))
        if self.absorbing:
            parts.append(jnp.zeros((*parts[0].shape[:-1], 1)))
        return jnp.concatenate(parts, axis=-1)

    @property
    def absorbed(self) -> Float[Array, " size"]:
        """The vector of the absorbing state."""
        return jnp.zeros(self.size).at[-1].set(1.0)

    def _state(self, obs: PyTree) -> Float[Array, "*batch entries"]:
        return flatten(self.spaces.observation, self.obs(obs))
