"""What policies remember while many environments are stepped side by side; nothing, where they have no memory."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, PyTree

from ilkit.data.policy import Policy


def first_carries(policy: Policy, count: int) -> PyTree:
    """The carry at the start of an episode, for each of these environments."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *jnp.shape(leaf))), policy.initial_carry())


def following_carries(policy: Policy, carries: PyTree, obs: PyTree, ended: Bool[Array, " envs"]) -> PyTree:
    """The carries after these observations, begun anew where an episode has ended."""
    after = jax.vmap(lambda carry, obs: policy.mode(carry, obs)[0])(carries, obs)
    return renewed_carries(policy, after, ended)


def renewed_carries(policy: Policy, carries: PyTree, ended: Bool[Array, " envs"]) -> PyTree:
    """The carries, begun anew where an episode has ended."""
    return jax.tree.map(
        lambda carry, first: jnp.where(ended.reshape(-1, *[1] * (carry.ndim - 1)), first, carry),
        carries,
        policy.initial_carry(),
    )


def carries_along(policy: Policy, carries: PyTree, obs: PyTree, ended: Bool[Array, "time envs"]) -> PyTree:
    """The carries before each step of a rollout, from those before its first one; time and environments lead."""

    def step(carries: PyTree, given: tuple[PyTree, Bool[Array, " envs"]]) -> tuple[PyTree, PyTree]:
        return following_carries(policy, carries, *given), carries

    return jax.lax.scan(step, carries, (obs, ended))[1]
