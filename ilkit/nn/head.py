"""What heads share: actions that come out of a network of standardized observations."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import Transitions, Window
from ilkit.nn.action_units import ActionUnits


class Head(Policy):
    """A policy on top of a network, whose memory is the network's."""

    network: Network
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    @property
    def window(self) -> tuple[int, int]:
        """As many steps before the present one as the network remembers."""
        return self.network.past, 0

    def initial_carry(self) -> PyTree:
        """The network's."""
        return self.network.initial_carry()

    @property
    def is_stochastic(self) -> bool:
        """Whether the head draws."""
        return type(self).sample_from is not Head.sample_from

    @property
    def has_density(self) -> bool:
        """Whether the head says what the density of its actions is."""
        return type(self).log_prob_from is not Head.log_prob_from

    def outputs(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """network((s - mean) / std)."""
        return self.network(carry, self.normalizer(obs))

    @abstractmethod
    def mode_from(self, outputs: Float[Array, " outputs"]) -> Array:
        """The action to take when nothing is to be explored, by the network's outputs."""

    def sample_from(self, outputs: Float[Array, " outputs"], *, key: PRNGKeyArray) -> Array:
        """Draws an action; a deterministic head returns its mode."""
        del key
        return self.mode_from(outputs)

    def log_prob_from(self, outputs: Float[Array, " outputs"], action: Array) -> Float[Array, ""]:
        """The log density of an action, in the units of the action space; refused where it is implicit."""
        return super().log_prob((), outputs, action)[1]

    def sample_with_log_prob_from(
        self, outputs: Float[Array, " outputs"], *, key: PRNGKeyArray
    ) -> tuple[Array, Float[Array, ""]]:
        """Draws the action that `sample_from` draws with this key, and its log density."""
        action = self.sample_from(outputs, key=key)
        return action, self.log_prob_from(outputs, action)

    def steer_from(self, outputs: Float[Array, " outputs"], noise: Float[Array, " noise"]) -> Array:
        """The action that a noise of `noise_size` numbers leads to; refused where it is 0."""
        return super().steer((), outputs, noise)[1]

    def loss_from(self, outputs: Float[Array, " outputs"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The loss that fits outputs to a demonstrated action; the negative log-likelihood unless overridden."""
        del key
        return -self.log_prob_from(outputs, action)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The action to take when nothing is to be explored."""
        carry, outputs = self.outputs(carry, obs)
        return carry, self.mode_from(outputs)

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """Draws an action."""
        carry, outputs = self.outputs(carry, obs)
        return carry, self.sample_from(outputs, key=key)

    def log_prob(self, carry: PyTree, obs: PyTree, action: Array) -> tuple[PyTree, Float[Array, ""]]:
        """The log density of an action."""
        carry, outputs = self.outputs(carry, obs)
        return carry, self.log_prob_from(outputs, action)

    def sample_with_log_prob(
        self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Array, Float[Array, ""]]:
        """Draws an action, and its log density."""
        carry, outputs = self.outputs(carry, obs)
        return carry, *self.sample_with_log_prob_from(outputs, key=key)

    def steer(self, carry: PyTree, obs: PyTree, noise: Float[Array, " noise"]) -> tuple[PyTree, Array]:
        """The action that a noise leads to."""
        carry, outputs = self.outputs(carry, obs)
        return carry, self.steer_from(outputs, noise)

    def step_loss(
        self, carry: PyTree, obs: PyTree, action: Array, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, ""]]:
        """The loss of one step."""
        carry, outputs = self.outputs(carry, obs)
        return carry, self.loss_from(outputs, action, key=key)

    def loss(self, window: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The loss of the present step; the mean of all that count in a window where the network is fitted along it."""
        if not self.network.fits_past:
            return super().loss(window, key=key)
        outputs = self.network.unroll(self.initial_carry(), self.normalizer(window.obs), window.mask)
        keys = jax.random.split(key, len(window.mask))
        losses = jax.vmap(lambda *given: self.loss_from(*given[:2], key=given[2]))(outputs, window.actions, keys)
        return jnp.sum(jnp.where(window.fitted, losses, 0.0)) / jnp.sum(window.fitted)

    def dropped(self, *, key: PRNGKeyArray) -> "Head":
        """The head on the network with dropout."""
        return eqx.tree_at(lambda head: head.network, self, self.network.dropped(key=key))


class ContinuousHead(Head):
    """A head of vectors of actions, which it takes in units of its own."""

    units: ActionUnits

    def fitted(self, transitions: Transitions) -> "ContinuousHead":
        """The policy with the statistics of observations, and of the actions that have no finite range."""
        fitted = super().fitted(transitions)
        return eqx.tree_at(lambda policy: policy.units, fitted, self.units.fitted(transitions))


def half_range_of(policy: Policy) -> Float[Array | np.ndarray, " act"]:
    """The unit of each entry of an action, by which errors in different ones compare."""
    assert isinstance(policy.spaces.action, Box)
    units = policy.units if isinstance(policy, ContinuousHead) else ActionUnits.of(policy.spaces.action)
    return units.half_range
