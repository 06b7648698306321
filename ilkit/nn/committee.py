"""Several policies that act as one."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, vectors
from ilkit.nn.action_units import ActionUnits


class Committee(Policy):
    """Acts by the mean of the modes of its members, none of which remembers anything."""

    members: Policy
    """The policies, stacked: every array has a leading axis."""
    normalizer: Normalizer
    """That of the first member."""
    spaces: Spaces = eqx.field(static=True)

    @property
    def has_mode(self) -> bool:  # type: ignore[override]
        """As its members have."""
        return self.members.has_mode

    @property
    def has_smooth_mode(self) -> bool:  # type: ignore[override]
        """As its members have."""
        return self.members.has_smooth_mode

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Array]:
        """The mean of the members' actions."""
        return carry, jnp.mean(self.actions(obs), axis=0)

    def actions(self, obs: PyTree) -> Float[Array, "members act"]:
        """The action of every member."""
        return eqx.filter_vmap(lambda member: member.mode(member.initial_carry(), obs)[1])(self.members)

    def doubt(self, obs: PyTree) -> Float[Array, ""]:
        """√tr cov: how far the members are apart, in half ranges of the action space."""
        apart = self.actions(obs) / ActionUnits.of(vectors(self.spaces.action, "an ensemble")).half_range
        return jnp.sqrt(jnp.sum(jnp.var(apart, axis=0)))


def only_member(members: Policy) -> Policy:
    """The first of stacked policies."""
    return jax.tree.map(lambda leaf: leaf[0] if eqx.is_array(leaf) else leaf, members)


def committee_of(members: Policy) -> Policy:
    """One policy of stacked ones: a committee, or of a single one itself."""
    count = len(jax.tree.leaves(eqx.filter(members, eqx.is_array))[0])
    first = only_member(members)
    return first if count == 1 else Committee(members=members, normalizer=first.normalizer, spaces=members.spaces)
