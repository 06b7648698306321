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
from ilkit.spec import Spec


class Deterministic(Spec):
    """A deterministic action, fitted by squared error (the mean of what was demonstrated)."""

    kind: Literal["deterministic"] = "deterministic"
    squash: bool = False
    """Whether a tanh keeps actions within the finite bounds of the action space."""


class DeterministicPolicy(Policy):
    """a = c + h x(s), or c + h tanh(x(s)), with x = network((s - mean) / std).

    c and h are the center and half the range of the action space, 0 and 1 where it has no finite range.
    """

    network: Network
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)
    spec: Deterministic = eqx.field(static=True)
    reparameterized: ClassVar[bool] = True

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The action."""
        assert isinstance(self.spaces.action, Box)
        units = ActionUnits.of(self.spaces.action, squash=self.spec.squash)
        return carry, units.action(self.network(self.normalizer(obs)))

    def loss(self, obs: Float[Array, " obs"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The squared error ‖μ(s) - a‖², summed over the dimensions of the action, in its units."""
        del key
        return jnp.sum((self.mode((), obs)[1] - action) ** 2)


def policy(spec: Deterministic, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet.

    **Raises:** `DataError` where actions are discrete.
    """
    if not isinstance(spaces.action, Box):
        raise DataError(
            "policy.kind deterministic needs a continuous action space, got a discrete one. Use categorical."
        )
    inner = network(spaces.observation.size, spaces.action.size, key=key)
    return DeterministicPolicy(
        network=inner, normalizer=Normalizer.identity(spaces.observation.size), spaces=spaces, spec=spec
    )
