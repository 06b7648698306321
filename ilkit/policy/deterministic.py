"""The deterministic head: one action for each observation, fitted by squared error."""

from typing import ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

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

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " act"]]:
        """The action."""
        carry, outputs = self.outputs(carry, obs)
        return carry, self.units.action(outputs)

    def step_loss(
        self, carry: PyTree, obs: PyTree, action: Array, *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, ""]]:
        """The squared error ‖(μ(s) - a) / h‖²: no dimension of the action outweighs another by its unit."""
        del key
        carry, predicted = self.mode(carry, obs)
        return carry, jnp.sum(((predicted - action) / self.units.half_range) ** 2)


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
