"""What demonstrations leave open of the expert, exactly: in tables, and of the mean of a normal distribution.

Cloning gives nothing to an action that was never demonstrated, and reinforcement then never tries it. The posterior
does, under a uniform prior of the expert's probabilities, and their mixture costs little where there are many
demonstrations (Wagenmaker et al., Posterior Behavioral Cloning, 2025).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


def cloned_probabilities(counts: Float[Array, "*states actions"]) -> Float[Array, "*states actions"]:
    """π(a | s) = N(s, a) / N(s), uniform where a state was never demonstrated."""
    totals = jnp.sum(counts, axis=-1, keepdims=True)
    return jnp.where(totals > 0, counts / jnp.maximum(totals, 1), 1 / counts.shape[-1])


def posterior_probabilities(counts: Float[Array, "*states actions"]) -> Float[Array, "*states actions"]:
    """The posterior mean π(a | s) = (N(s, a) + 1) / (N(s) + A) under a uniform prior."""
    return (counts + 1) / (jnp.sum(counts, axis=-1, keepdims=True) + counts.shape[-1])


def pretrained_probabilities(
    counts: Float[Array, "*states actions"], alpha: float | Float[Array, ""]
) -> Float[Array, "*states actions"]:
    """(1 - α) π_cloned + α π_posterior."""
    return (1 - alpha) * cloned_probabilities(counts) + alpha * posterior_probabilities(counts)


def posterior_of_mean(
    observed: Float[Array, "count size"], noise: Float[Array, "size size"], prior: Float[Array, "size size"]
) -> tuple[Float[Array, " size"], Float[Array, "size size"]]:
    """The mean and the covariance of the posterior of μ, with x_t ~ N(μ, noise) and μ ~ N(0, prior)."""
    covariance = jnp.linalg.inv(jnp.linalg.inv(prior) + len(observed) * jnp.linalg.inv(noise))
    return covariance @ jnp.linalg.solve(noise, jnp.sum(observed, axis=0)), covariance


def fit_to_noisy_targets(
    observed: Float[Array, "count size"],
    noise: Float[Array, "size size"],
    prior: Float[Array, "size size"],
    *,
    key: PRNGKeyArray,
) -> Float[Array, " size"]:
    """argmin_μ Σ_t ‖μ - x̃_t‖² + ‖μ - μ̃‖² in the norms of noise⁻¹ and prior⁻¹, with x̃_t ~ N(x_t, noise) and
    μ̃ ~ N(0, prior): a sample of the posterior of μ (Wagenmaker et al., 2025, lemma 7)."""
    targets_key, prior_key = jax.random.split(key)
    targets = observed + jax.random.normal(targets_key, observed.shape) @ jnp.linalg.cholesky(noise).T
    anchor = jnp.linalg.cholesky(prior) @ jax.random.normal(prior_key, prior.shape[:1])
    precision = len(observed) * jnp.linalg.inv(noise) + jnp.linalg.inv(prior)
    return jnp.linalg.solve(
        precision, jnp.linalg.solve(noise, jnp.sum(targets, axis=0)) + jnp.linalg.solve(prior, anchor)
    )
