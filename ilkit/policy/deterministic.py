"""The deterministic head: one action for each observation, fitted by squared error."""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.spec import Spec


class Deterministic(Spec):
    """A deterministic action, fitted by squared error (the mean of what was demonstrated)."""

    kind: Literal["deterministic"] = "deterministic"


class DeterministicPolicy(Policy):
    """a = network((s - mean) / std), in the units of the action space."""

    network: Network
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        """The action."""
        return carry, self.network(self.normalizer(obs))

    def loss(self, obs: Float[Array, " obs"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The squared error, summed over the dimensions of the action."""
        del key
        return jnp.sum((self.mode((), obs)[1] - action) ** 2)


def policy(spec: Deterministic, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet."""
    del spec
    if not isinstance(spaces.action, Box):
        raise DataError("policy.kind deterministic needs a continuous action space; choose categorical.")
    inner = network(spaces.observation.size, spaces.action.size, key=key)
    return DeterministicPolicy(inner, Normalizer.identity(spaces.observation.size), spaces)
