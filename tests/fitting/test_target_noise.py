"""Noise on demonstrated actions: its covariance is that of its row, and no draw is another's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.fitting.target_noise import TargetNoise

LOWER = jnp.asarray([[1.0, 0.0], [0.5, 0.25]])


def full(obs: jax.Array) -> jax.Array:
    return obs[0] * LOWER


def diagonal(obs: jax.Array) -> jax.Array:
    return obs[0] * jnp.asarray([1.0, 0.5])


@pytest.fixture
def rows():
    """Two episodes of 3 steps each, whose observations are 1 to 3 and 10 to 30, and whose actions are 0."""
    seen = np.asarray([1, 2, 3, 0, 10, 20, 30, 0], np.float32)[:, None]
    ended = np.zeros(2, bool)
    spaces = Spaces(observation=Box.symmetric((np.inf,)), action=Box.symmetric((np.inf, np.inf)))
    actions, rewards = np.zeros((6, 2), np.float32), np.zeros(6, np.float32)
    return Demonstrations(seen, actions, rewards, ended, ~ended, np.asarray([3, 3], np.int32), spaces).transitions()


@pytest.mark.parametrize("root", [full, diagonal])
def test_every_step_of_a_window_has_the_noise_of_its_own_row(rows, root):
    noise, many = TargetNoise.of(root, rows), jnp.repeat(jnp.asarray([1, 4]), 20_000)
    drawn = noise.windows(rows, many, 1, 1, key=jax.random.key(0)).actions.reshape(2, -1, 3, 2)
    for episode, seen in enumerate([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]):
        for step, obs in enumerate(seen):
            expected = root(jnp.asarray([obs]))
            expected = expected @ expected.T if expected.ndim == 2 else jnp.diag(expected**2)
            found = np.cov(drawn[episode, :, step].T)
            np.testing.assert_allclose(found, expected, atol=0.05 * obs**2)
    flat = np.corrcoef(drawn.transpose(1, 0, 2, 3).reshape(len(drawn[0]), -1).T)
    other_steps = flat[np.kron(np.eye(6), np.ones((2, 2))) == 0]
    assert np.abs(other_steps).max() < 0.03


@pytest.mark.parametrize("root", [full, diagonal])
def test_the_average_scale_is_that_of_all_valid_rows(rows, root):
    roots = TargetNoise.of(root, rows, 0.3).roots[:6]
    assert jnp.sqrt(jnp.sum(roots**2) / 12) == pytest.approx(0.3, rel=1e-5)
    np.testing.assert_allclose(roots[1] / roots[0], jnp.where(roots[0] == 0, jnp.nan, 2.0), rtol=1e-5)
