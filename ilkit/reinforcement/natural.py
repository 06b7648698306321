"""The natural gradient: the steepest way up for how far it moves a policy's density (Amari, 1998; Kakade, 2001).

With the scores s_i = ∇_θ log π_θ(a_i | o_i) of actions that were drawn from π_θ, the Fisher matrix is
F = 1/N Σ s_i s_iᵀ. Conjugate gradients solve (F + damping · I) d = g with products F v alone, and the step is

    θ' = θ + sqrt(2 δ / gᵀ d) d,

whose divergence from π_θ is δ to second order (Rajeswaran et al., 2018, "Learning complex dexterous manipulation").
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

Parameters = TypeVar("Parameters")
Number = float | Float[Array, ""]


def natural_step(
    log_probs: Callable[[Parameters], Float[Array, " batch"]],
    parameters: Parameters,
    gradient: Parameters,
    *,
    max_divergence: Number,
    damping: Number,
    num_iterations: int,
) -> Parameters:
    """The parameters after a step along the natural gradient.

    `log_probs` gives the log densities of actions that were drawn with these parameters. Nothing moves where the
    gradient is 0.
    """
    flat, unravel = ravel_pytree(parameters)
    slope = ravel_pytree(gradient)[0]
    _, push = jax.linearize(lambda moved: log_probs(unravel(moved)), flat)
    pull = jax.linear_transpose(push, flat)

    def fisher(direction: Float[Array, " size"]) -> Float[Array, " size"]:
        changes = push(direction)
        return pull(changes / len(changes))[0] + damping * direction

    direction = jax.scipy.sparse.linalg.cg(fisher, slope, maxiter=num_iterations)[0]
    ascent = jnp.maximum(slope @ direction, 0.0)
    length = jnp.where(ascent > 0.0, jnp.sqrt(2.0 * max_divergence / jnp.maximum(ascent, 1e-30)), 0.0)
    return unravel(flat + length * direction)
