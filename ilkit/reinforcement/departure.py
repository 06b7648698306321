"""How far a policy has departed from the one that its training started from."""

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box
from ilkit.nn.head import half_range_of
from ilkit.stepping.behavior import modes


def departure(
    policy: Policy, start: Policy, obs: PyTree, carry: PyTree = (), start_carry: PyTree = ()
) -> Float[Array, ""]:
    """The root mean square, in half ranges of the action space, of the policy's modes about those of `start`; of
    discrete actions the share of observations at which they differ.

    Observations have a leading axis, and so have carries, where policies have a memory.
    """
    now, then = modes(policy, obs, carry), modes(start, obs, start_carry)
    if not isinstance(policy.spaces.action, Box):
        return jnp.mean(jnp.any((now != then).reshape(len(now), -1), axis=-1))
    return jnp.sqrt(jnp.mean(((now - then) / half_range_of(start)) ** 2))
