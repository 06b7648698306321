"""The deterministic head: one action for each observation, fitted by squared error."""

from typing import ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.head import ContinuousHead
from ilkit.spec import Spec


class Deterministic(Spec):
    """A deterministic action, fitted by squared error (the mean of what was demonstrated)."""

    kind: Literal["deterministic"] = "deterministic"
    squash: bool = False
    """Whether a tanh keeps actions within the finite bounds of the action space."""


class DeterministicPolicy(ContinuousHead):
    """a = c + h x(s), or c + h tanh(x(s)), with x = network((s - mean) / std).

    c and h are the center and half the range of the action space, or mean and standard deviation where it has none.
    """

    spec: Deterministic = eqx.field(static=True)
    reparameterized: ClassVar[bool] = True

    def mode_from(self, outputs: Float[Array, " act"]) -> Float[Array, " act"]:
        """The action."""
        return self.units.action(outputs)

    def loss_from(self, outputs: Float[Array, " act"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The squared error ‖(μ(s) - a) / h‖²: no dimension of the action outweighs another by its unit."""
        del key
        return jnp.sum(((self.mode_from(outputs) - action) / self.units.half_range) ** 2)


def policy(spec: Deterministic, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    if not isinstance(spaces.action, Box):
        raise DataError(
            "policy.kind deterministic needs a continuous action space, got a discrete one. Use categorical."
        )
    inner = network(spaces.observation, spaces.action.size, key=key)
    return DeterministicPolicy(
        network=inner,
        normalizer=Normalizer.identity(spaces.observation),
        spaces=spaces,
        units=ActionUnits.of(spaces.action, squash=spec.squash),
        spec=spec,
    )
