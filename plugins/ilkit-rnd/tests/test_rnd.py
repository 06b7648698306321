"""Random network distillation: ilkit's conformance kit, and what novelty has to do."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_rnd import RND, uncertainty

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError
from ilkit.running import loop
from ilkit.testing import Check, checks


@pytest.mark.parametrize("check", checks("uncertainty", "rnd"), ids=str)
def test_conformance(check: Check) -> None:
    check()


def demonstrate(obs: np.ndarray, action: Box | Discrete) -> Demonstrations:
    steps, spaces = len(obs), Spaces(observation=Box.symmetric([5.0, 5.0]), action=action)
    actions, rewards = np.zeros((steps, *action.shape), action.dtype), np.zeros(steps, np.float32)
    all_obs, lengths = np.r_[obs, obs[-1:]].astype(np.float32), np.array([steps], np.int32)
    return Demonstrations(all_obs, actions, rewards, np.array([False]), np.array([True]), lengths, spaces=spaces)


def variances(spec: RND, demos: Demonstrations, obs: np.ndarray) -> np.ndarray:
    policy: Any = None
    learnt = loop.train(lambda key: uncertainty(spec, policy, demos, key=key), key=jax.random.key(0))[0]
    found = np.asarray(jax.jit(jax.vmap(learnt.covariance))(jnp.asarray(obs, jnp.float32)))
    np.testing.assert_allclose(found, found[:, :1, :1] * np.eye(found.shape[1]))
    return found[:, 0, 0]


def test_novel_states_have_ten_times_the_variance_of_visited_ones() -> None:
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 1000)
    ring = np.c_[np.cos(angle), np.sin(angle)] * random.uniform(1.8, 2.2, (1000, 1))
    novel = np.array([[0.0, 0.0], [4.0, 4.0], [-4.0, 0.0]])
    found = variances(RND(scale=0.3, num_steps=1000), demonstrate(ring, Box.symmetric([1.0, 1.0])), np.r_[ring, novel])
    visited, elsewhere = found[:1000], found[1000:]
    assert visited.mean() == pytest.approx(0.3**2, rel=0.05)
    assert elsewhere.min() > 10 * visited.mean()
    assert found.max() <= 100 * 0.3**2 * 1.001


def test_variance_falls_with_the_number_of_visits() -> None:
    points, visits = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]), [0, 1, 30, 969]
    demos = demonstrate(np.repeat(points, visits, axis=0), Box.symmetric([1.0]))
    found = variances(RND(num_steps=300, max_ratio=1e9), demos, points)
    assert (np.diff(found) < 0).all()


def test_discrete_actions_are_refused() -> None:
    with pytest.raises(DataError, match="continuous action space"):
        uncertainty(RND(), None, demonstrate(np.zeros((8, 2)), Discrete(size=2)), key=jax.random.key(0))
