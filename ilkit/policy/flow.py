"""The flow head: actions flow from noise along a velocity that is learnt (Lipman et al., Flow Matching, 2023).

With x_0 ~ N(0, I), x_1 an action in units, t ~ U(0, 1) and x_t = (1 - t) x_0 + t x_1, the velocity minimizes

    E ‖u(x_t, t, s) - (x_1 - x_0)‖²,

or, with u = (x̂_1(x_t, t, s) - x_t) / (1 - t), E ‖x̂_1(x_t, t, s) - x_1‖²: the velocity of an entry that hardly varies is
a steep function of x_t near the end, which layers learn slowly, and x_1 is not.
A sample follows it from x_0 at t = 0 to t = 1; its density is implicit.
"""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import PositiveFloat, PositiveInt

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.math.denoising import follow_flow
from ilkit.nn.conditional_head import ConditionalHead, ConditionalSpec, prepared_to_refine, refine
from ilkit.nn.perceptron import Layers


class Flow(ConditionalSpec):
    """Actions that flow from noise along a learnt velocity (Lipman et al., 2023), of any distribution."""

    kind: Literal["flow"] = "flow"
    predicts: Literal["velocity", "action"] = "velocity"
    """What the layers put out: u, as Lipman et al. do, or x_1, for chunks whose entries follow each other."""
    num_steps: PositiveInt = 10
    """Euler steps of a sample."""
    clip: PositiveFloat = 1.0
    """How far from the middle an action may lie, in half the range of those demonstrated: where nothing was, a velocity
    leads anywhere."""


class FlowPolicy(ConditionalHead):
    """x_1 of x' = u(x, t, s) from x_0 ~ N(0, I); the mode is the sample of one key."""

    layers: Layers
    spec: Flow = eqx.field(static=True)
    reparameterized: ClassVar[bool] = True

    def mode_from(self, outputs: Float[Array, " features"]) -> Float[Array, " act"]:
        """The sample of key 0: it averages nothing."""
        return self.sample_from(outputs, key=jax.random.key(0))

    def sample_from(self, outputs: Float[Array, " features"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Follows the flow from noise."""
        return self.steer_from(outputs, jax.random.normal(key, (self.spaces.action.size,)))

    @property
    def noise_size(self) -> int:
        """x_0."""
        return self.spaces.action.size

    @property
    def steering(self) -> str:
        """Euler's method."""
        return f"Euler, {self.spec.num_steps} steps, from x_0 ~ N(0, I) of {self.noise_size} numbers"

    def steer_from(self, outputs: Float[Array, " features"], noise: Float[Array, " act"]) -> Float[Array, " act"]:
        """Follows the flow from x_0."""
        end = follow_flow(lambda x, t: self._velocity(outputs, x, t), noise, self.spec.num_steps)
        return self.units.action(jnp.clip(end, -self.spec.clip, self.spec.clip))

    def loss_from(self, outputs: Float[Array, " features"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The squared error of what is predicted at a time that is drawn, averaged over the entries."""
        time_key, noise_key = jax.random.split(key)
        target, time = self.units.raw(action), jax.random.uniform(time_key)
        noise = jax.random.normal(noise_key, target.shape)
        predicted = refine(self.layers, outputs, (1.0 - time) * noise + time * target, time)
        return jnp.mean((predicted - (target - noise if self.spec.predicts == "velocity" else target)) ** 2)

    def _velocity(self, features: Array, point: Array, time: Array) -> Array:
        predicted = refine(self.layers, features, point, time)
        return predicted if self.spec.predicts == "velocity" else (predicted - point) / (1.0 - time)


def policy(spec: Flow, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head, not fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    return FlowPolicy(spec=spec, **prepared_to_refine("flow", spec, network, spaces, key=key))
