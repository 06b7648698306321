"""Variational inference against the posterior of Bayesian linear regression."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from ilkit.fitting.gradient import partition
from ilkit.running import loop
from ilkit.uncertainty.svi import SVI, uncertainty


@pytest.mark.parametrize("noise", [0.5, None])
def test_posterior_of_linear_regression(demonstrate: Any, head: Any, noise: float | None) -> None:
    random, sigma, prior_scale, num_inputs = np.random.default_rng(0), 0.5, 0.2, 2
    grid = np.linspace(-1, 1, 8)
    inputs = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)  # uncorrelated: independent weights are exact
    inputs /= inputs.std(axis=0)
    actions = inputs @ np.array([[0.7, -0.2], [0.1, 0.4]]) + sigma * random.normal(size=(64, 2))
    spec = SVI(
        num_members=2000, prior_scale=prior_scale, noise=noise, learning_rate=0.01, batch_size=256, num_steps=2000
    )
    demos = demonstrate(inputs, actions)
    learnt = loop.train(lambda key: uncertainty(spec, head(), demos, key=key), key=jax.random.key(0))[0]

    precision = np.diag([num_inputs, num_inputs, 1.0]) / prior_scale**2 + 64 * np.eye(3) / sigma**2
    mean = np.linalg.solve(precision, np.c_[inputs, np.ones(64)].T @ actions / sigma**2)
    points = np.r_[random.normal(size=(10, 2)), np.zeros((1, 2))]
    features = np.c_[points, np.ones(11)]
    drawn = np.asarray(jax.jit(jax.vmap(learnt.actions))(jnp.asarray(points, jnp.float32)))
    variance = np.einsum("ni,ij,nj->n", features, np.linalg.inv(precision), features)
    error = (drawn.mean(axis=1) - features @ mean) / np.sqrt(variance)[:, None]
    assert np.abs(error).max() < 0.25
    found = np.asarray(jax.jit(jax.vmap(learnt.covariance))(jnp.asarray(points, jnp.float32)))
    np.testing.assert_allclose(np.trace(found, axis1=1, axis2=2) / 2, variance, rtol=0.2)


def test_prior_of_every_layer_has_the_deviation_of_its_fan_in(demonstrate: Any, head: Any) -> None:
    """The guide starts with a tenth of it."""
    demos, scale = demonstrate(np.zeros((16, 4)), np.zeros((16, 2))), 0.5
    state = uncertainty(SVI(prior_scale=scale), head(64, 64), demos, key=jax.random.key(0)).state
    posterior = eqx.combine(state.trained, state.fixed)
    trained, _ = partition(posterior.prior.policy)
    layers = ravel_pytree(trained)[1](10.0 * jnp.exp(posterior.guide.log_scale)).network.layers
    for weights, biases, inputs in zip(layers.weights, layers.biases, (4, 64, 64), strict=True):
        np.testing.assert_allclose(weights, scale / np.sqrt(inputs), rtol=1e-5)
        np.testing.assert_allclose(biases, scale, rtol=1e-5)
