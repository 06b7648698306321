"""Several policies as a measure of uncertainty: where they disagree, the data say little."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Leaf, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError, refuse


class Ensemble(Uncertainty):
    """cov(s) = 1/L Σ_l (μ_l - μ̄) (μ_l - μ̄)ᵀ over the modes μ_l(s) of L policies; 1/(L - 1) where `unbiased`."""

    members: Policy
    """The policies, stacked: every array has a leading axis L."""
    unbiased: bool = eqx.field(static=True)

    def actions(self, obs: PyTree) -> Float[Array, "members act"]:
        """The action of every member."""
        return eqx.filter_vmap(mode, in_axes=(eqx.if_array(0), None))(self.members, obs)

    def covariance(self, obs: PyTree) -> Float[Array, "act act"]:
        """The covariance of the members' actions, in squared units of the action space."""
        actions = self.actions(obs)
        deviations = actions - jnp.mean(actions, axis=0)
        return deviations.T @ deviations / (len(actions) - self.unbiased)


def mode(policy: Policy, obs: PyTree) -> Float[Array, " act"]:
    """The action of a policy at the start of an episode, without exploration."""
    return policy.mode(policy.initial_carry(), obs)[1]


def ensemble_faults(policy: Policy) -> tuple[str, ...]:
    """What keeps a covariance from being a function of the present observation, as it must be."""
    if not policy.has_smooth_mode:
        return (
            f"policy: must have a mode that can be fitted, and that of {type(policy).__name__} is a choice. Choose "
            "policy.kind deterministic.",
        )
    if not jax.tree.leaves(policy.initial_carry()) and policy.window == (0, 0):
        return ()
    return (
        f"policy: must act by the present observation alone, and this {type(policy).__name__} remembers earlier ones "
        "or decides on several actions. Choose network.kind mlp, and another policy.kind than chunked.",
    )


def require_present_alone(kind: str, policy: Policy) -> Policy:
    """The policy, which must act by the present observation alone.

    **Raises:** `DataError` where it doesn't.
    """
    refuse(f"uncertainty.{kind}", ensemble_faults(policy))
    return policy


def continuity_faults(action: Leaf) -> tuple[str, ...]:
    """What keeps actions from having a covariance."""
    if isinstance(action, Box):
        return ()
    return ("kind: needs a continuous action space, got a discrete one. Leave stages.uncertainty out of the pipeline.",)


def require_continuous(kind: str, spaces: Spaces) -> None:
    """Checks that actions are vectors, whose covariance is defined.

    **Raises:** `DataError` where they are not.
    """
    if not isinstance(spaces.action, Box):
        raise DataError(
            f"uncertainty.kind {kind} needs a continuous action space, got {spaces.action.size} discrete actions. "
            "Choose an env.kind with continuous actions, or leave stages.uncertainty out of the pipeline."
        )
