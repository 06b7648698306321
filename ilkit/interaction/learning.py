"""Fitting a policy, or the members of an ensemble, to all that has been answered so far."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ilkit.data.aggregate import Aggregate
from ilkit.data.policy import Policy
from ilkit.data.windows import windows
from ilkit.fitting.gradient import draw_multiplied, mean_loss
from ilkit.fitting.minimize import minimize


def draw_members(policy: Callable[..., Policy], aggregate: Aggregate, num_members: int, *, key: PRNGKeyArray) -> Policy:
    """Untrained policies, stacked."""
    return eqx.filter_vmap(lambda key: policy(aggregate.spaces, key=key))(jax.random.split(key, num_members))


def learn(
    members: Policy,
    aggregate: Aggregate,
    learning_rate: float | Float[Array, ""],
    batch_size: int,
    num_steps: int,
    *,
    key: PRNGKeyArray,
) -> tuple[Policy, Float[Array, ""]]:
    """Fits every member to the labeled rows of its own, with the statistics of all rows; the mean loss beside them."""
    rows = aggregate.transitions
    drawn_any = jnp.sum(aggregate.multiplicity, axis=1, keepdims=True) > 0  # of few rows, a bootstrap may draw none
    held = jnp.where(drawn_any, aggregate.multiplicity, aggregate.taught)
    cumulative = jnp.cumsum(held, axis=1)
    members = eqx.filter_vmap(lambda member: member.fitted(rows))(members)

    def loss_on(member: Policy, drawn: Int[Array, " batch"], key: PRNGKeyArray) -> Float[Array, ""]:
        return mean_loss(member, windows(rows, drawn, *member.window), key=key)

    def total(members: Policy, *, key: PRNGKeyArray) -> Float[Array, ""]:
        batch_key, loss_key = jax.random.split(key)
        drawn = draw_multiplied(cumulative, batch_size, key=batch_key)
        return jnp.sum(eqx.filter_vmap(loss_on)(members, drawn, jax.random.split(loss_key, len(drawn))))

    members, loss = minimize(total, optax.adam(learning_rate), members, num_steps, key=key)
    return members, loss / len(cumulative)
