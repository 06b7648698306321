"""Policies on top of any network that need no settings of their own: those of experts, and the categorical head."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Discrete, MultiDiscrete, Spaces
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.head import ContinuousHead, Head
from ilkit.nn.perceptron import Perceptron, build_silent_layers


class FixedSpreadPolicy(ContinuousHead):
    """The action of x ~ N(network(s), diag σ²) in units, with the same σ in every state, or none."""

    log_std: Float[Array, " act"] | None
    """log σ; without one, a sample is the mode and the density implicit."""

    @property
    def is_stochastic(self) -> bool:
        """Whether there is noise."""
        return self.log_std is not None

    @property
    def has_density(self) -> bool:
        """Whether there is noise."""
        return self.log_std is not None

    def mode_from(self, outputs: Float[Array, " act"]) -> Float[Array, " act"]:
        """The action of the network's output."""
        return self.units.action(outputs)

    def sample_from(self, outputs: Float[Array, " act"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws an action, which may lie outside of the space."""
        if self.log_std is None:
            return self.mode_from(outputs)
        return self.steer_from(outputs, jax.random.normal(key, outputs.shape))

    @property
    def noise_size(self) -> int:
        """ε of x + σ ε, where there is noise."""
        return self.spaces.action.size if self.has_density else 0

    def steer_from(self, outputs: Float[Array, " act"], noise: Float[Array, " act"]) -> Float[Array, " act"]:
        """The action of x + σ ε."""
        if self.log_std is None:
            return super().steer_from(outputs, noise)
        return self.units.action(outputs + jnp.exp(self.log_std) * noise)

    def log_prob_from(self, outputs: Float[Array, " act"], action: Float[Array, " act"]) -> Float[Array, ""]:
        """The log density of an action before it is clipped."""
        if self.log_std is None:
            return super().log_prob_from(outputs, action)
        raw = self.units.raw(action)
        residual = (raw - outputs) / jnp.exp(self.log_std)
        density = -0.5 * residual**2 - self.log_std - 0.5 * jnp.log(2 * jnp.pi)
        return jnp.sum(density) - self.units.log_slope(raw)


class CategoricalPolicy(Head):
    """π(· | s) = softmax(network(s)), over the actions of a discrete space in their order; independently for each
    entry where an action is several choices."""

    def mode_from(self, outputs: Float[Array, " choices"]) -> Int[Array, "*entries"]:
        """The most probable action."""
        return self._action([jnp.argmax(logits) for logits in self._logits(outputs)])

    def sample_from(self, outputs: Float[Array, " choices"], *, key: PRNGKeyArray) -> Int[Array, "*entries"]:
        """Draws an action."""
        logits = self._logits(outputs)
        keys = [key] if isinstance(self.spaces.action, Discrete) else jax.random.split(key, len(logits))
        return self._action([jax.random.categorical(key, one) for key, one in zip(keys, logits, strict=True)])

    def log_prob_from(self, outputs: Float[Array, " choices"], action: Int[Array, "*entries"]) -> Float[Array, ""]:
        """The log probability of an action."""
        if isinstance(self.spaces.action, Discrete):
            return jax.nn.log_softmax(outputs)[action - self.spaces.action.start]
        terms = [jax.nn.log_softmax(logits)[action[entry]] for entry, logits in enumerate(self._logits(outputs))]
        return jnp.sum(jnp.stack(terms))

    def _logits(self, outputs: Float[Array, " choices"]) -> list[Array]:
        if isinstance(self.spaces.action, MultiDiscrete):
            return jnp.split(outputs, np.cumsum(self.spaces.action.sizes)[:-1])
        return [outputs]

    def _action(self, choices: list[Int[Array, ""]]) -> Int[Array, "*entries"]:
        if isinstance(self.spaces.action, Discrete):
            return self.spaces.action.start + choices[0].astype(jnp.int32)
        return jnp.stack(choices).astype(jnp.int32)


def build_actor(spaces: Spaces, hidden: tuple[int, ...], *, key: PRNGKeyArray) -> FixedSpreadPolicy | CategoricalPolicy:
    """An actor for these spaces: at first every action is as likely in every state, or N(c, h²)."""
    layers = build_silent_layers((spaces.observation.size, *hidden, spaces.action.size), "tanh", key=key)
    network = Perceptron(layers=layers, observation=spaces.observation)
    normalizer = Normalizer.identity(spaces.observation)
    if not isinstance(spaces.action, Box):
        return CategoricalPolicy(network=network, normalizer=normalizer, spaces=spaces)
    units, log_std = ActionUnits.of(spaces.action), jnp.zeros(spaces.action.size)
    return FixedSpreadPolicy(network=network, normalizer=normalizer, spaces=spaces, units=units, log_std=log_std)
