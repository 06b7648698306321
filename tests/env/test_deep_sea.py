"""The sea: of all ways down, one is paid for."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env.deep_sea import DeepSea, env
from ilkit.expert import scripted
from ilkit.stepping.episodes import collect_episodes


def dive(sea, actions):
    """The rewards of these actions, and whether the last one alone ended the episode."""

    def step(state, action):
        state, transition = sea.step(state, action, key=jax.random.key(0))
        return state, transition

    _, (rewards, terminated) = jax.lax.scan(step, sea.reset(key=jax.random.key(0)), actions)
    return rewards, terminated


@pytest.mark.parametrize("seed", [0, 42])
def test_one_of_all_ways_is_paid_for(seed):
    sea = env(DeepSea(size=6, mapping_seed=seed))
    ways = jnp.asarray(list(itertools.product([0, 1], repeat=6)))
    rewards, terminated = jax.vmap(lambda actions: dive(sea, actions))(ways)
    returns = np.asarray(rewards.sum(axis=1))
    assert (returns > 0).sum() == 1
    assert returns.max() == pytest.approx(0.99)
    assert returns.min() >= -0.01
    np.testing.assert_array_equal(terminated, np.broadcast_to(np.arange(6) == 5, (64, 6)))
    # As many ways cost nothing as keep to the left: those along the wall, which is one.
    assert (returns == 0).sum() == 1


def test_the_right_action_is_drawn_for_each_cell():
    maps = [np.asarray(env(DeepSea(size=8, mapping_seed=seed)).rightwards) for seed in range(20)]
    assert 0.3 < np.mean(maps) < 0.7
    assert len({one.tobytes() for one in maps}) == 20


def test_the_demonstrator_finds_the_treasure_and_the_ground_is_zeros():
    build = Build("env", "deep_sea", env, DeepSea(size=7))
    expert = scripted.expert(scripted.Scripted(), build, key=jax.random.key(0))
    found = collect_episodes(build(), expert, num_episodes=2, key=jax.random.key(0))
    np.testing.assert_allclose(found.returns, 0.99, rtol=1e-5)
    assert (found.terminated & (found.lengths == 7)).all()
    np.testing.assert_array_equal(found.obs[0, :7].reshape(7, 7, 7), np.eye(49)[::8].reshape(7, 7, 7))
    assert not found.obs[0, 7].any()
