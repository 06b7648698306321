"""What demonstrations leave open of the expert, against counts and closed forms."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.math.posterior import (
    cloned_probabilities,
    fit_to_noisy_targets,
    posterior_of_mean,
    posterior_probabilities,
    pretrained_probabilities,
)

ARMS = np.array([0.96, 0.02, 0.02])
"""The expert of a bandit, which pulls two arms rarely (ε = .01)."""


def test_a_clone_of_five_pulls_gives_nothing_to_either_rare_arm_with_probability_8154() -> None:
    pulls = np.array(list(itertools.product(range(3), repeat=5)))
    counts = jax.nn.one_hot(jnp.asarray(pulls), 3).sum(axis=1)
    likelihood = ARMS[pulls].prod(axis=1)
    assert likelihood.sum() == pytest.approx(1.0)
    blind = np.asarray((cloned_probabilities(counts)[:, 1:] == 0).all(axis=-1))
    assert likelihood[blind].sum() == pytest.approx(0.8154, abs=5e-5)
    np.testing.assert_allclose(posterior_probabilities(counts)[blind, 1:], 0.125)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_the_mixture_is_that_of_the_two_tables(alpha: float) -> None:
    counts = jnp.asarray([[3.0, 1.0], [0.0, 0.0], [0.0, 2.0]])
    found = pretrained_probabilities(counts, alpha)
    expected = (1 - alpha) * np.array([[0.75, 0.25], [0.5, 0.5], [0, 1]]) + alpha * np.array(
        [[4 / 6, 2 / 6], [0.5, 0.5], [0.25, 0.75]]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_least_squares_of_noisy_targets_is_a_sample_of_the_posterior() -> None:
    noise, prior = jnp.asarray([[1.0, 0.4], [0.4, 0.5]]), jnp.asarray([[0.6, -0.2], [-0.2, 0.9]])
    observed = jnp.asarray(np.random.default_rng(0).normal([0.5, -1.0], 0.8, size=(4, 2)), jnp.float32)
    keys = jax.random.split(jax.random.key(0), 200_000)
    drawn = np.asarray(jax.vmap(lambda key: fit_to_noisy_targets(observed, noise, prior, key=key))(keys), np.float64)
    mean, covariance = (np.asarray(one) for one in posterior_of_mean(observed, noise, prior))
    errors = (drawn.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / len(drawn))
    assert np.abs(errors).max() < 3.0
    variances = np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2
    errors = (np.cov(drawn.T) - covariance) / np.sqrt(variances / len(drawn))
    assert np.abs(errors).max() < 3.0


def test_the_posterior_of_one_number_is_the_textbooks() -> None:
    mean, covariance = posterior_of_mean(jnp.asarray([[1.0], [3.0]]), jnp.asarray([[2.0]]), jnp.asarray([[1.0]]))
    np.testing.assert_allclose([mean[0], covariance[0, 0]], [1.0, 0.5], rtol=1e-6)
