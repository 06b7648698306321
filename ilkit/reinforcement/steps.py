"""Steps of a rollout as rows to learn from; of a policy with a memory whole environments, which are replayed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from ilkit.data.policy import Policy
from ilkit.stepping.memory import carries_along
from ilkit.stepping.records import Rollout


class Steps(NamedTuple):
    """Steps, time and environments leading, or rows of them."""

    obs: PyTree
    actions: Array
    context: PyTree
    log_probs: Float[Array, "*batch"]
    typical: Array | None
    """Actions that the anchor would take."""
    advantages: Float[Array, "*batch"]
    targets: Float[Array, "*batch"]
    ended: Bool[Array, "*batch"]
    first: PyTree = ()
    """What a policy with a memory remembers before the first of the steps, of which each row then has all."""


def as_rows(steps: Steps, first: PyTree) -> Steps:
    """Each step a row or, where the policy remembers something before the first, each environment."""
    if not jax.tree.leaves(first):
        return flat(steps)
    by_env: Steps = jax.tree.map(lambda rows: jnp.swapaxes(rows, 0, 1), steps)
    return by_env._replace(first=first)


def replayed(policy: Policy, rows: Steps) -> tuple[Steps, PyTree]:
    """Steps as rows, and what the policy remembers before each of them."""
    if not jax.tree.leaves(rows.first):
        return rows, ()
    by_step = jax.tree.map(lambda rows: jnp.swapaxes(rows, 0, 1), rows._replace(first=()))
    carry = carries_along(policy, rows.first, by_step.obs, by_step.ended)
    return flat(by_step), flat(carry)


def carries_of(policy: Policy, rollout: Rollout) -> PyTree:
    """What the policy remembers before each step of a rollout, replayed from what it remembered before the first."""
    if not jax.tree.leaves(rollout.carry):
        return ()
    ended = rollout.outcome.terminated | rollout.outcome.truncated
    return carries_along(policy, rollout.carry, rollout.obs, ended)


def flat(rollout: PyTree) -> PyTree:
    """Time and environments as one axis."""
    return jax.tree.map(lambda rows: rows.reshape(-1, *rows.shape[2:]), rollout)
