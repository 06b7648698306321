"""A policy that takes the better of two policies' actions, by critics (Hu et al., 2023)."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.nn.perceptron import Layers
from ilkit.off_policy.actions import bounds_of
from ilkit.off_policy.critics import outputs_of


class BetterOf(Policy):
    """argmax over a ∈ {a_clone, a_actor} of min_i Q_i(s, a): the actor's, where its value is above the clone's."""

    normalizer: Normalizer
    """The clone's, which critics take observations by."""
    spaces: Spaces = eqx.field(static=True)
    clone: Policy
    actor: Policy
    critics: Layers
    """Stacked; of their values only the order matters."""
    has_smooth_mode: ClassVar[bool] = False

    @property
    def has_density(self) -> bool:
        """A choice has none."""
        return False

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The better of both modes."""
        return carry, self._better(obs, self.clone.mode((), obs)[1], self.actor.mode((), obs)[1])

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        """The better of the clone's mode and a sample of the actor."""
        return carry, self._better(obs, self.clone.mode((), obs)[1], self.actor.sample((), obs, key=key)[1])

    def _better(self, obs: PyTree, cloned: Float[Array, " act"], acted: Float[Array, " act"]) -> Float[Array, " act"]:
        actions = jnp.clip(jnp.stack([cloned, acted]), *bounds_of(self.clone))
        values = jax.vmap(lambda action: jnp.min(outputs_of(self.critics, self.clone, obs, action)))(actions)
        return jnp.where(values[1] > values[0], acted, cloned)
