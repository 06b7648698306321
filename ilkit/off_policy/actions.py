"""Continuous actions of a policy that reinforcement improves: their units, their bounds, and the way up in them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Space
from ilkit.errors import refuse
from ilkit.nn.action_units import ActionUnits


def units_of(policy: Policy) -> ActionUnits:
    """The units of a policy's actions.

    **Raises:** `DataError` where they are discrete.
    """
    return ActionUnits.of(_space(policy))


def bounds_of(policy: Policy) -> tuple[Float[np.ndarray, " act"], Float[np.ndarray, " act"]]:
    """The lowest and the highest of a policy's actions."""
    low, high = np.asarray(_space(policy).bounds, np.float32)
    return low, high


def ascent_within(
    value: Callable[[Float[Array, "batch act"]], Float[Array, ""]],
    actions: Float[Array, "batch act"],
    low: Float[np.ndarray, " act"],
    high: Float[np.ndarray, " act"],
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The value Q of actions, and Σ a ∇Q(a), whose gradient is that of Q without what leads out of the bounds."""
    total, slope = jax.value_and_grad(value)(jnp.clip(jax.lax.stop_gradient(actions), low, high))
    outward = ((actions >= high) & (slope > 0)) | ((actions <= low) & (slope < 0))
    return total, jnp.sum(jax.lax.stop_gradient(jnp.where(outward, 0.0, slope)) * actions)


def continuity_faults(space: Space) -> tuple[str, ...]:
    """What keeps actions from being vectors."""
    if isinstance(space, Box):
        return ()
    return ("kind: needs a continuous action space, got a discrete one. Choose ppo or bootstrapped_dqn.",)


def _space(policy: Policy) -> Box:
    refuse("finetune", continuity_faults(policy.spaces.action))
    space = policy.spaces.action
    assert isinstance(space, Box)
    return space
