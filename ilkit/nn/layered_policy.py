"""The policies of experts that are trained from scratch."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.perceptron import Layers, build_layers


class GaussianActor(Policy):
    """a = c + h x with x ~ N(μ(s), diag σ²), where c and h are the center and half the range of the action space."""

    layers: Layers
    log_std: Float[Array, " act"]
    """log σ, the same in every state."""
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The action of x = μ(s)."""
        return carry, self._units.action(self.layers(self.normalizer(obs)))

    def sample(
        self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, " act"]]:
        """Draws an action, which may lie outside of the space."""
        noise = jnp.exp(self.log_std) * jax.random.normal(key, self.log_std.shape)
        return carry, self._units.action(self.layers(self.normalizer(obs)) + noise)

    def log_prob(
        self, carry: PyTree, obs: Float[Array, " obs"], action: Float[Array, " act"]
    ) -> tuple[PyTree, Float[Array, ""]]:
        """The log density of an action before it is clipped."""
        raw = self._units.raw(action)
        residual = (raw - self.layers(self.normalizer(obs))) / jnp.exp(self.log_std)
        density = -0.5 * residual**2 - self.log_std - 0.5 * jnp.log(2 * jnp.pi)
        return carry, jnp.sum(density) - self._units.log_slope(raw)

    @property
    def _units(self) -> ActionUnits:
        assert isinstance(self.spaces.action, Box)
        return ActionUnits.of(self.spaces.action)


class CategoricalActor(Policy):
    """π(· | s) = softmax(layers(s))."""

    layers: Layers
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Int[Array, ""]]:
        """The most probable action."""
        return carry, jnp.argmax(self.layers(self.normalizer(obs))).astype(jnp.int32)

    def sample(self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray) -> tuple[PyTree, Int[Array, ""]]:
        """Draws an action."""
        return carry, jax.random.categorical(key, self.layers(self.normalizer(obs))).astype(jnp.int32)

    def log_prob(
        self, carry: PyTree, obs: Float[Array, " obs"], action: Int[Array, ""]
    ) -> tuple[PyTree, Float[Array, ""]]:
        """The log probability of an action."""
        return carry, jax.nn.log_softmax(self.layers(self.normalizer(obs)))[action]


def build_actor(spaces: Spaces, hidden: tuple[int, ...], *, key: PRNGKeyArray) -> GaussianActor | CategoricalActor:
    """An actor for these spaces: at first every action is as likely in every state, or N(c, h²)."""
    observed, size = spaces.observation.size, spaces.action.size
    layers = build_layers((observed, *hidden, size), "tanh", key=key)
    normalizer = Normalizer.identity(observed)
    if isinstance(spaces.action, Box):
        return GaussianActor(layers=layers, log_std=jnp.zeros(size), normalizer=normalizer, spaces=spaces)
    return CategoricalActor(layers=layers, normalizer=normalizer, spaces=spaces)
