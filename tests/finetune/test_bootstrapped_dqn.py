"""Bootstrapped DQN: what it learns of a small sea, who plays, what it leaves alone and refuses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.env.deep_sea import DeepSea, env
from ilkit.errors import DataError
from ilkit.finetune.bootstrapped_dqn import BootstrappedDQN, finetune
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical
from ilkit.running import loop

_SMALL = {"critic_hidden": (16,), "batch_size": 16, "buffer_size": 200}


@pytest.fixture(scope="module")
def sea() -> Build[Any]:
    return Build("env", "deep_sea", env, DeepSea(size=4, mapping_seed=1))


@pytest.fixture(scope="module")
def untrained(sea: Build[Any]) -> Any:
    inner = Build("network", "mlp", network, MLP(hidden=()))
    return categorical.policy(categorical.Categorical(), inner, sea().spaces, key=jax.random.key(0))


def _values(policy: Any, world: Any) -> np.ndarray:
    """The value of each step along the way to the treasure, of every head."""
    rows = jnp.arange(world.spec.size)
    obs = jax.vmap(lambda row: jnp.zeros(world.spec.size**2, jnp.int8).at[row * (world.spec.size + 1)].set(1))(rows)
    values = jax.vmap(policy.values)(obs)
    return np.asarray(values[rows, :, world.rightwards[rows, rows]])


def test_every_head_learns_the_values_of_the_way_to_the_treasure(
    sea: Any, untrained: Any, explore: Any, mean_return: Any
) -> None:
    spec = BootstrappedDQN(num_heads=4, num_steps=1200, discount=0.9, critic_learning_rate=5e-3, **_SMALL)
    learnt = loop.train(lambda key: finetune(spec, explore("none"), sea, untrained, key=key), key=jax.random.key(0))
    assert mean_return(sea, learnt[0]) == pytest.approx(0.99)
    ahead = 4 - np.arange(4)
    exact = 0.9 ** (ahead - 1) - 0.0025 * (1 - 0.9**ahead) / (1 - 0.9)
    found = _values(learnt[0], sea())
    np.testing.assert_allclose(np.median(found, axis=1), exact, atol=0.01)
    np.testing.assert_allclose(found, np.tile(exact[:, None], 4), atol=0.15)
    assert learnt.curves["episodes"][0, -1] == pytest.approx(300, abs=2)


def test_a_head_plays_an_episode_to_its_end_and_learning_waits_for_a_batch(
    sea: Any, untrained: Any, explore: Any, leaves: Any
) -> None:
    spec = BootstrappedDQN(num_heads=50, num_steps=24, num_envs=1, **_SMALL)
    training = finetune(spec, explore("none"), sea, untrained, key=jax.random.key(0))
    state, step, heads, changed = training.state, jax.jit(training.step), [], []
    for number in range(24):
        heads.append(int(state.heads[0]))
        before = leaves(state.learner.heads)
        state, _ = step(state, jax.random.key(number))
        changed.append(leaves(state.learner.heads) != before)
        slow = leaves(state.learner.slow) == leaves(state.learner.heads)
        assert slow == (number < 15 or (number - 14) % spec.target_period == 0)
    episodes = np.reshape(heads, (6, 4))
    assert (episodes == episodes[:, :1]).all()
    assert len(set(episodes[:, 0].tolist())) >= 4
    assert changed == [False] * 15 + [True] * 9


def test_what_the_clone_knows_is_where_it_starts(sea: Any, untrained: Any, explore: Any) -> None:
    spec = BootstrappedDQN(num_heads=3, prior_scale=0.1, clone_weight=100.0, num_steps=16, **_SMALL)
    start = finetune(spec, explore("none"), sea, untrained, key=jax.random.key(0))
    obs = jnp.eye(16, dtype=jnp.int8)
    chosen, cloned = (
        jax.vmap(lambda one, policy=policy: policy.mode((), one)[1])(obs)
        for policy in (start.finish(start.state), untrained)
    )
    np.testing.assert_array_equal(chosen, cloned)


def test_the_bonus_is_larger_where_nobody_has_been_and_is_learnt_as_reward(untrained: Any, explore: Any) -> None:
    sea = Build("env", "deep_sea", env, DeepSea(size=4, move_cost=0.0, mapping_seed=1))
    settings = {"num_heads": 1, "prior_scale": 0.0, "novelty_weight": 1.0, "novelty_learning_rate": 1e-3}
    spec = BootstrappedDQN(num_steps=400, **settings, **_SMALL)
    training = finetune(spec, explore("none"), sea, untrained, key=jax.random.key(4))
    state, step = training.state, jax.jit(training.step)
    for number in range(400):
        state, _ = step(state, jax.random.key(number))
    steps = state.buffer.draw((2000,), key=jax.random.key(0))
    assert not np.asarray(steps.rewards).any()
    been = np.asarray(steps.next_obs["inputs"]).any(axis=0)
    never = ~been & (np.arange(16) != 0)  # where episodes start nothing leads to
    assert 3 <= been.sum() < 10
    errors = np.asarray(state.learner.novelty.error(jnp.eye(16)))
    assert errors[never].mean() > 10 * errors[been].mean()
    visited = jnp.asarray(np.eye(16)[been])
    assert np.abs(jax.vmap(training.finish(state).values)(visited)).max() > 0.05


def test_actions_must_be_one_choice(push: Any, clone: Any, explore: Any) -> None:
    with pytest.raises(DataError, match=r"finetune.bootstrapped_dqn.kind: needs .* discrete actions, got a box"):
        finetune(BootstrappedDQN(), explore("none"), push, clone(push), key=jax.random.key(0))


def test_a_batch_must_come_together() -> None:
    with pytest.raises(ValidationError, match="batch_size must be at most the steps that the buffer comes to hold, 64"):
        BootstrappedDQN(num_steps=64)
