"""A network that is told which entries of an observation it may see."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.network import Network
from ilkit.data.normalizer import Untrained
from ilkit.data.policy import Policy
from ilkit.errors import DataError


class Mask(Untrained):
    """Which entries are seen: 1, or 0 where one isn't."""

    entries: Float[Array, "*stack obs"]


class GraphNetwork(Network):
    """network([x ⊙ g, g]): a network for every graph g of what causes the action (de Haan et al., 2019).

    In training g is drawn for each example, every entry with probability ½; else it is the network's own.
    """

    inner: Network
    mask: Mask

    @property
    def past(self) -> int:
        """That of the inner network."""
        return self.inner.past

    @property
    def fits_past(self) -> bool:
        """As the inner network is fitted."""
        return self.inner.fits_past

    def initial_carry(self) -> PyTree:
        """That of the inner network."""
        return self.inner.initial_carry()

    def __call__(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the inner network to what is seen, and to what that is."""
        seen = self.mask.entries
        return self.inner(carry, jnp.concatenate([obs * seen, seen]))

    def dropped(self, *, key: PRNGKeyArray) -> "GraphNetwork":
        """The same with a graph that is drawn, around the inner network with dropout."""
        mask_key, inner_key = jax.random.split(key)
        drawn = jax.random.bernoulli(mask_key, shape=self.mask.entries.shape).astype(jnp.float32)
        return GraphNetwork(self.inner.dropped(key=inner_key), Mask(drawn))


def mask_of(policy: Policy) -> Float[Array, "*stack obs"]:
    """The graph of a policy.

    **Raises:** `DataError` where its network has none.
    """
    network = getattr(policy, "network", None)
    if not isinstance(network, GraphNetwork):
        raise DataError(
            f"A graph is sought for a policy that was trained for all of them, got {type(network).__name__}. Choose "
            "network.kind graph_conditioned where it is cloned."
        )
    return network.mask.entries


def with_mask(policy: Policy, mask: Float[Array, " obs"]) -> Policy:
    """The policy that sees these entries."""
    return eqx.tree_at(lambda policy: policy.network.mask.entries, policy, mask)
