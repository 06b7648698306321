"""Covariance matrices."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def square_root(covariance: Float[Array, "size size"]) -> Float[Array, "size size"]:
    """A lower triangular L with L Lᵀ = covariance, also where the covariance is singular.

    The diagonal is raised by 1e-5 of the trace, which rounding in float32 can't exceed: an ensemble that is smaller
    than the action space, or that agrees exactly, has a singular covariance.
    """
    if len(covariance) == 1:
        return jnp.sqrt(covariance)
    jitter = 1e-5 * jnp.trace(covariance) + 1e-12
    return jnp.linalg.cholesky(covariance + jitter * jnp.eye(len(covariance)))
