import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.env import pendulum
from ilkit.errors import DataError
from ilkit.learn import episodes
from ilkit.learn.episodes import collect_episodes
from ilkit.network import mlp
from ilkit.policy import deterministic

ENV = pendulum.env(pendulum.Pendulum(max_steps=30))


def clone(seed: int, spaces: Spaces = ENV.spaces) -> Policy:
    network = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(8,)))
    return deterministic.policy(deterministic.Deterministic(), network, spaces, key=jax.random.key(seed))


def test_initial_states_depend_on_the_key_and_the_number_of_the_episode_alone():
    key = jax.random.key(0)
    few = collect_episodes(ENV, clone(1), num_episodes=3, key=key)
    many = collect_episodes(ENV, clone(2), num_episodes=70, key=key, action_noise=0.5)
    later = collect_episodes(ENV, clone(1), num_episodes=2, key=key, first_episode=1)
    np.testing.assert_array_equal(few.obs[:, 0], many.obs[:3, 0])
    np.testing.assert_array_equal(few.obs[1:], later.obs)
    assert len(np.unique(many.obs[:, 0, 2])) == 70
    other = collect_episodes(ENV, clone(1), num_episodes=3, key=jax.random.key(1))
    assert not np.isclose(few.obs[:, 0], other.obs[:, 0]).all(axis=1).any()


def test_episodes_replay_step_by_step():
    run = collect_episodes(ENV, clone(1), num_episodes=1, key=jax.random.key(0), action_noise=0.3)
    state = ENV.state_of(jnp.asarray(run.obs[0, 0]))
    for step in range(run.lengths[0]):
        state, (reward, _) = ENV.step(state, jnp.asarray(run.executed[0, step]), key=jax.random.key(0))
        np.testing.assert_allclose(run.rewards[0, step], reward, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(run.obs[0, -1], ENV.observe(state), atol=1e-3)
