"""Gradient steps on the trainable part of a policy."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Untrained
from ilkit.data.policy import Policy
from ilkit.data.windows import Transitions, Window

Model = TypeVar("Model")
Parameters = TypeVar("Parameters")

Multiplicities = Int[Array, "members capacity"]
"""How often the data of each member hold each row."""
Cumulative = Int[Array, "members capacity"] | Float[Array, "members capacity"]
"""Sums of multiplicities, times weights where rows have any, over each row and those before it."""


def partition(model: Model) -> tuple[Model, Model]:
    """Splits a policy, or what holds one, into what is trained and what is not; `equinox.combine` joins them."""
    trained = jax.tree.map(
        lambda node: not isinstance(node, Untrained) and eqx.is_inexact_array(node),
        model,
        is_leaf=lambda node: isinstance(node, Untrained),
    )
    return eqx.partition(model, trained)


def descend(
    optimizer: optax.GradientTransformation, gradient: PyTree, optimizer_state: optax.OptState, parameters: Parameters
) -> tuple[Parameters, optax.OptState]:
    """Takes one step of the optimizer."""
    updates, optimizer_state = optimizer.update(gradient, optimizer_state, parameters)
    return optax.apply_updates(parameters, updates), optimizer_state


def mean_loss(policy: Policy, batch: Window, *, key: PRNGKeyArray) -> Float[Array, ""]:
    """The mean over a batch of windows of the policy's own loss, with dropout where its network has any."""
    keys = jax.random.split(key, len(batch.mask))
    return jnp.mean(jax.vmap(lambda window, key: policy.dropped(key=key).loss(window, key=key))(batch, keys))


def draw_rows(transitions: Transitions, batch_size: int, *, key: PRNGKeyArray) -> Int[Array, " batch"]:
    """Draws rows with replacement, in proportion to their weights where they have any.

    Without, no probability is off by more than a fraction of count / 2³²: the remainder of random bits takes one pass
    of the generator, where `jax.random.randint` takes three.
    """
    if transitions.weights is not None:
        return draw_weighted(jnp.cumsum(jnp.where(transitions.valid, transitions.weights, 0.0)), batch_size, key=key)
    bits = jax.random.bits(key, (batch_size,), jnp.uint32)
    return (bits % transitions.count.astype(jnp.uint32)).astype(jnp.int32)


def draw_weighted(cumulative: Float[Array, " rows"], batch_size: int, *, key: PRNGKeyArray) -> Int[Array, " batch"]:
    """Draws rows in proportion to weights, given as cumulative sums; one of weight 0 is never drawn."""
    positions = jax.random.uniform(key, (batch_size,)) * cumulative[-1]
    last = jnp.searchsorted(cumulative, cumulative[-1])  # rounding must not lead beyond it
    return jnp.minimum(jnp.searchsorted(cumulative, positions, side="right"), last).astype(jnp.int32)


def draw_multiplied(cumulative: Cumulative, batch_size: int, *, key: PRNGKeyArray) -> Int[Array, "members batch"]:
    """Draws rows for each member in proportion to their multiplicities, given as cumulative sums.

    Where rows have weights, these are multiplied by them, and no whole numbers any more.
    """
    if jnp.issubdtype(cumulative.dtype, jnp.floating):
        keys = jax.random.split(key, len(cumulative))
        return jax.vmap(lambda member, key: draw_weighted(member, batch_size, key=key))(cumulative, keys)
    positions = jax.random.randint(key, (len(cumulative), batch_size), 0, cumulative[:, -1:])
    return jax.vmap(lambda member, at: jnp.searchsorted(member, at, side="right"))(cumulative, positions)
