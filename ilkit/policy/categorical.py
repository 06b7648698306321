"""The categorical head: a probability for each discrete action.

π(a | s) = exp(x_a(s)) / Σ_b exp(x_b(s)), with x the output of the network.
"""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete, Spaces
from ilkit.errors import DataError
from ilkit.spec import Spec


class Categorical(Spec):
    """A probability for each discrete action."""

    kind: Literal["categorical"] = "categorical"


class CategoricalPolicy(Policy):
    """π(· | s) = softmax(network((s - mean) / std))."""

    network: Network
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def distribution(self, obs: Float[Array, " obs"]) -> dist.CategoricalLogits:
        """The distribution of actions."""
        return dist.CategoricalLogits(self.network(self.normalizer(obs)))

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Int[Array, ""]]:
        """The most probable action."""
        return carry, jnp.argmax(self.distribution(obs).logits).astype(jnp.int32)

    def sample(self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray) -> tuple[PyTree, Int[Array, ""]]:
        """Draws an action."""
        return carry, self.distribution(obs).sample(key).astype(jnp.int32)

    def log_prob(self, carry: PyTree, obs: Float[Array, " obs"], action: Array) -> tuple[PyTree, Float[Array, ""]]:
        """The log probability of an action."""
        return carry, self.distribution(obs).log_prob(action)


def policy(spec: Categorical, network: Build[Network], spaces: Spaces, *, key: PRNGKeyArray) -> Policy:
    """Builds the head with a normalizer that isn't fitted yet.

    **Raises:** `DataError` where actions are continuous.
    """
    del spec
    if not isinstance(spaces.action, Discrete):
        raise DataError("policy.kind categorical needs a discrete action space, got a continuous one. Use gaussian.")
    inner = network(spaces.observation.size, spaces.action.size, key=key)
    return CategoricalPolicy(network=inner, normalizer=Normalizer.identity(spaces.observation.size), spaces=spaces)
