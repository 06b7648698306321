"""What a policy is: one contract for every head."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.seeds import Learnt
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError


class Policy(Learnt):
    """Carry and observation in, carry and action out; one example at a time (`jax.vmap` makes batches).

    Actions are in the units of the action space. The normalizer lives in the policy, which therefore takes
    raw observations.
    """

    spaces: eqx.AbstractVar[Spaces]
    normalizer: eqx.AbstractVar[Normalizer]
    reparameterized: ClassVar[bool] = False
    """Whether `sample` is a differentiable function of the parameters, so that gradients flow through its actions."""

    def initial_carry(self) -> PyTree:
        """The carry at the start of an episode; empty for a policy without memory."""
        return ()

    @abstractmethod
    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Array]:
        """The action to take when nothing is to be explored."""

    def sample(self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """Draws an action; a deterministic policy returns its mode."""
        del key
        return self.mode(carry, obs)

    def log_prob(self, carry: PyTree, obs: Float[Array, " obs"], action: Array) -> tuple[PyTree, Float[Array, ""]]:
        """The log density of an action, in the units of the action space.

        **Raises:** `DataError` where the density is implicit.
        """
        raise DataError(
            f"log_prob needs a policy with a density; that of {type(self).__name__} is implicit. "
            "Choose policy.kind gaussian, mixture or categorical."
        )

    def loss(self, obs: Float[Array, " obs"], action: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The loss that fits this policy to one demonstrated action; the negative log-likelihood unless overridden."""
        del key
        return -self.log_prob(self.initial_carry(), obs, action)[1]
