"""Advantages and returns."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def generalized_advantages(
    rewards: Float[Array, "time envs"],
    values: Float[Array, "time envs"],
    next_values: Float[Array, "time envs"],
    terminated: Bool[Array, "time envs"],
    truncated: Bool[Array, "time envs"],
    *,
    discount: Float[Array, ""] | float,
    trace_decay: Float[Array, ""] | float,
) -> Float[Array, "time envs"]:
    """Generalized advantage estimates (Schulman et al., 2016), with termination and truncation kept apart.

        δ_t = r_t + γ (1 - terminated_t) V(s'_t) - V(s_t),    A_t = δ_t + γ λ (1 - ended_t) A_{t+1}

    where s'_t is the state that the action led to, never the one that a reset put in its place: an episode that a
    time limit cut is bootstrapped with the value of its last observation, one that terminated with 0. `ended` is
    either; the estimate never crosses the end of an episode. A_t + V(s_t) is the λ-return.
    """
    errors = rewards + discount * jnp.where(terminated, 0.0, next_values) - values
    decays = discount * trace_decay * (1.0 - jnp.logical_or(terminated, truncated))

    def accumulate(
        later: Float[Array, " envs"], now: tuple[Float[Array, " envs"], Float[Array, " envs"]]
    ) -> tuple[Float[Array, " envs"], Float[Array, " envs"]]:
        error, decay = now
        advantage = error + decay * later
        return advantage, advantage

    return jax.lax.scan(accumulate, jnp.zeros_like(values[0]), (errors, decays), reverse=True)[1]
