"""The random policy draws from the whole action space, evenly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.stepping.random_policy import RandomPolicy

OBSERVATION = Box.symmetric((1.0, 1.0))


def draw(action, count=2000):
    policy = RandomPolicy.of(Spaces(observation=OBSERVATION, action=action))
    keys = jax.random.split(jax.random.key(0), count)
    return np.asarray(jax.vmap(lambda key: policy.sample((), jnp.zeros(2), key=key)[1])(keys))


def test_bounded_actions_are_uniform():
    actions = draw(Box(low=(-2.0, 0.0), high=(2.0, 3.0)))
    assert actions.shape == (2000, 2)
    np.testing.assert_allclose(actions.mean(axis=0), [0.0, 1.5], atol=0.1)
    np.testing.assert_allclose(actions.min(axis=0), [-2.0, 0.0], atol=0.02)
    np.testing.assert_allclose(actions.max(axis=0), [2.0, 3.0], atol=0.02)


def test_unbounded_actions_are_standard_normal():
    actions = draw(Box(low=(-np.inf, -1.0), high=(np.inf, 1.0)))
    assert actions[:, 0].std() == pytest.approx(1.0, abs=0.05)
    assert abs(actions[:, 1]).max() <= 1.0


def test_choices_are_equally_likely():
    actions = draw(Discrete(size=4))
    assert actions.dtype == np.int32
    np.testing.assert_allclose(np.bincount(actions) / 2000, 0.25, atol=0.04)
