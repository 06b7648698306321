"""Choices by one normal number have the probabilities that they should have."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.math.choices import choice_at


def test_the_quantile_falls_into_the_share_of_its_choice() -> None:
    logits = jnp.log(jnp.array([0.2, 0.0, 0.5, 0.3]))
    quantiles = jnp.array([0.1, 0.199, 0.201, 0.45, 0.699, 0.701, 0.9])
    chosen, places = jax.vmap(lambda noise: choice_at(logits, noise))(jax.scipy.stats.norm.ppf(quantiles))
    np.testing.assert_array_equal(chosen, [0, 0, 2, 2, 2, 3, 3])
    np.testing.assert_allclose(places, [0.5, 0.995, 0.002, 0.5, 0.998, 1 / 300, 2 / 3], atol=1e-4)


def test_nothing_of_probability_zero_is_chosen_however_far_out_the_noise_is() -> None:
    logits = jnp.array([-jnp.inf, 0.0, 0.0, -jnp.inf])
    chosen = jax.vmap(lambda noise: choice_at(logits, noise)[0])(jnp.array([-40.0, -6.0, 6.0, 40.0]))
    np.testing.assert_array_equal(chosen, [1, 1, 2, 2])
