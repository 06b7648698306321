"""The natural step against closed forms: a bandit, and a normal density whose mean is linear."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.reinforcement.natural import natural_step

EXACT = {"damping": 1e-9, "num_iterations": 50}


def test_of_a_bandit_the_natural_gradient_is_the_advantage() -> None:
    logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
    actions, values = jnp.array([0, 0, 1, 2]), jnp.array([1.0, 3.0, 0.0])  # as often as they are likely

    def log_probs(logits: jax.Array) -> jax.Array:
        return jax.nn.log_softmax(logits)[actions]

    gradient = jax.grad(lambda logits: jnp.mean(values[actions] * log_probs(logits)))(logits)
    step = natural_step(log_probs, logits, gradient, max_divergence=1e-4, damping=1e-5, num_iterations=3) - logits
    advantages = values - 1.25
    np.testing.assert_allclose((step - step[0]) / (step[1] - step[0]), (advantages - advantages[0]) / 2.0, rtol=1e-3)
    before, after = jax.nn.log_softmax(logits), jax.nn.log_softmax(logits + step)
    assert float(jnp.sum(jnp.exp(before) * (before - after))) == pytest.approx(1e-4, rel=0.02)


def test_of_a_linear_mean_it_is_least_squares_and_diverges_by_what_it_may() -> None:
    states = jax.random.normal(jax.random.key(0), (64, 3)) * jnp.array([1.0, 5.0, 0.2])
    std, weights, slope = 0.5, jnp.array([0.3, -1.0, 2.0]), jnp.array([1.0, -2.0, 0.5])
    noise = std * jnp.tile(jnp.array([1.0, -1.0]), 32)
    states = jnp.repeat(states[:32], 2, axis=0)  # each with either noise: the Fisher matrix is exact
    actions = states @ weights + noise

    def log_probs(weights: jax.Array) -> jax.Array:
        return -0.5 * ((actions - states @ weights) / std) ** 2

    step = natural_step(log_probs, weights, slope, max_divergence=0.02, **EXACT) - weights
    fisher = np.asarray(states.T @ states / len(states) / std**2, np.float64)
    exact = np.linalg.solve(fisher, slope)
    np.testing.assert_allclose(step, exact * np.sqrt(0.04 / (exact @ np.asarray(slope))), rtol=2e-3)
    assert float(jnp.mean((states @ step) ** 2) / (2 * std**2)) == pytest.approx(0.02, rel=1e-3)


def test_without_a_gradient_nothing_moves() -> None:
    still = natural_step(lambda one: one * jnp.ones(4), jnp.ones(1), jnp.zeros(1), max_divergence=0.1, **EXACT)
    np.testing.assert_array_equal(still, 1.0)
