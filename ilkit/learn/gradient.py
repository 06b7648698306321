"""Gradient steps on the trainable part of a policy."""

from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.demonstrations import Transitions
from ilkit.data.policy import Policy

P = TypeVar("P", bound=Policy)
Parameters = TypeVar("Parameters")


def partition(policy: P) -> tuple[P, P]:
    """Splits a policy into what is trained and what is not (the normalizer, counts); `equinox.combine` joins them."""
    trainable = jax.tree.map(eqx.is_inexact_array, policy)
    frozen = jax.tree.map(lambda _: False, policy.normalizer)
    return eqx.partition(policy, eqx.tree_at(lambda tree: tree.normalizer, trainable, frozen))


def descend(
    optimizer: optax.GradientTransformation, gradient: PyTree, optimizer_state: optax.OptState, parameters: Parameters
) -> tuple[Parameters, optax.OptState]:
    """Takes one step of the optimizer."""
    updates, optimizer_state = optimizer.update(gradient, optimizer_state, parameters)
    return optax.apply_updates(parameters, updates), optimizer_state


def frozen_until(optimizer: optax.GradientTransformation, updates: int) -> optax.GradientTransformation:
    """The optimizer that leaves parameters and its own moments as they are in the first updates."""
    if not updates:
        return optimizer
    frozen: optax.GradientTransformation = optax.conditionally_mask(optimizer, lambda update: update >= updates)
    return frozen


def check_warmup(critic_warmup_steps: int, num_steps: int) -> None:
    """**Raises:** `ValueError` where only the critic would ever learn."""
    if critic_warmup_steps >= num_steps:
        raise ValueError(
            "critic_warmup_steps must be below num_steps, else the policy never learns, "
            f"got {critic_warmup_steps} and {num_steps}. Lower critic_warmup_steps or raise num_steps"
        )


def mean_loss(policy: Policy, obs: Float[Array, "batch obs"], actions: Array, *, key: PRNGKeyArray) -> Float[Array, ""]:
    """The mean over a batch of the loss that fits the policy's head."""
    keys = jax.random.split(key, len(obs))
    return jnp.mean(jax.vmap(lambda obs, action, key: policy.loss(obs, action, key=key))(obs, actions, keys))


def draw_batch(transitions: Transitions, batch_size: int, *, key: PRNGKeyArray) -> Transitions:
    """Draws rows uniformly with replacement; no probability is off by more than a fraction of count / 2³².

    The remainder of random bits takes one pass of the generator, where `jax.random.randint` takes three.
    """
    bits = jax.random.bits(key, (batch_size,), jnp.uint32)
    return take(transitions, (bits % transitions.count.astype(jnp.uint32)).astype(jnp.int32))


def take(transitions: Transitions, rows: Int[Array, " batch"]) -> Transitions:
    """The rows with these indices; counts stay."""
    columns: dict[str, Any] = transitions._asdict()
    taken = {name: column[rows] for name, column in columns.items() if name not in ("count", "num_episodes")}
    return transitions._replace(**taken)
