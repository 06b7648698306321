"""Environments on the host, stepped from a compiled step: what rows hold, and how a stopped run goes on."""

from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.env import gymnasium
from ilkit.errors import DataError
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.side_by_side import side_by_side

pytestmark = pytest.mark.bits


class Counting(gym.Env):
    """Counts up from a number drawn; falls at the third step after an odd one, and pays what it has counted."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    forgets = True

    def __init__(self) -> None:
        self.resets = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.resets += 1
        self.first = 10.0 * float(self.np_random.integers(1000)) + (0.0 if self.forgets else self.resets)
        self.count = 0.0
        return self._obs(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        self.count += float(action[0])
        return self._obs(), self.count, self.count == 3.0 and self.first % 20 == 10, False, {}

    def _obs(self) -> np.ndarray:
        return np.asarray([self.first + self.count], np.float32)


class Remembering(Counting):
    forgets = False


class Far(Policy):
    """Draws actions, more than the space holds."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        return carry, jnp.full(1, 2.0)

    def sample(
        self, carry: PyTree, obs: Float[Array, " obs"], *, key: PRNGKeyArray
    ) -> tuple[PyTree, Float[Array, " act"]]:
        return carry, 2.0 + jax.random.uniform(key, (1,))

    def log_prob(self, carry: PyTree, obs: Array, action: Array) -> tuple[PyTree, Float[Array, ""]]:
        return carry, jnp.zeros(())


@pytest.fixture(params=[Counting])
def envs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[HostEnvs, HostEnvs]:
    """The same environments twice."""
    monkeypatch.setitem(gym.registry, "Counting-v0", gym.envs.registration.EnvSpec("Counting-v0", request.param))
    env = gymnasium.env(gymnasium.Gymnasium(id="Counting-v0", max_steps=5))
    one, other = (side_by_side(env, 4) for _ in range(2))
    assert isinstance(one, HostEnvs)
    assert isinstance(other, HostEnvs)
    return one, other


def _collect(envs: HostEnvs, trials: Any, *, num_steps: int, key: PRNGKeyArray) -> Any:
    policy = Far(normalizer=Normalizer.identity(1), spaces=envs._env.spaces)
    if key.ndim:
        policy = jax.tree.map(lambda leaf: jnp.stack([leaf] * len(key)), policy)
    return envs.collect(policy, Sampling(), trials, num_steps=num_steps, key=key)


def test_the_next_episode_begins_where_one_has_ended_and_its_last_observation_is_kept(envs: Any) -> None:
    trials, rollout = _collect(envs[0], envs[0].reset(key=jax.random.key(0)), num_steps=8, key=jax.random.key(1))
    outcome, first = rollout.outcome, np.asarray(rollout.obs[0, :, 0])
    lengths = np.where(first % 20 == 10, 3, 5)
    assert len(set(lengths)) == 2, "episodes must end in both ways"
    for env, length in enumerate(lengths):
        np.testing.assert_array_equal(rollout.obs[:length, env, 0], first[env] + np.arange(length))
        np.testing.assert_array_equal(outcome.next_obs[:length, env, 0], first[env] + np.arange(1, length + 1))
        assert rollout.obs[length, env, 0] % 10 == 0
        assert bool(outcome.terminated[length - 1, env]) == (length == 3)
        assert bool(outcome.truncated[length - 1, env]) == (length == 5)
        assert not (outcome.terminated | outcome.truncated)[: length - 1, env].any()
    assert len(set(np.asarray(rollout.obs[:, :, 0] // 10).ravel())) >= 8, "every episode must have a seed of its own"
    np.testing.assert_array_equal(outcome.rewards[:3], np.repeat([[1.0], [2.0], [3.0]], 4, axis=1))
    assert (trials.log.num_episodes >= 1).all()


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_other_environments_go_on_where_the_first_ones_stopped(envs: Any, num_seeds: int) -> None:
    key = jax.random.split(jax.random.key(0), num_seeds) if num_seeds > 1 else jax.random.key(0)
    first = jax.vmap(lambda key: envs[0].reset(key=key))(key) if num_seeds > 1 else envs[0].reset(key=key)
    begun = _collect(envs[0], first, num_steps=7, key=key)
    after, expected = (_collect(one, begun[0], num_steps=6, key=key) for one in (envs[1], envs[0]))
    again = _collect(envs[1], first, num_steps=7, key=key)  # goes back where it is asked to
    for mine, theirs in zip(jax.tree.leaves((after, again)), jax.tree.leaves((expected, begun)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("envs", [Remembering], indirect=True)
def test_an_environment_that_does_not_repeat_an_episode_is_found(envs: Any) -> None:
    initial = envs[0].reset(key=jax.random.key(0))
    trials, _ = _collect(envs[0], initial, num_steps=7, key=jax.random.key(1))
    with pytest.raises(DataError, match="under way when the run was stopped"):
        _collect(envs[1], trials, num_steps=1, key=jax.random.key(1))


@pytest.mark.parametrize("envs", [Remembering], indirect=True)
def test_an_environment_that_says_so_goes_on_with_new_episodes(envs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gymnasium.GymnasiumEnvironment, "repeats", False)
    with pytest.warns(UserWarning, match="doesn't repeat"):
        trials, _ = _collect(envs[0], envs[0].reset(key=jax.random.key(0)), num_steps=7, key=jax.random.key(1))
    trials, rollout = _collect(envs[1], trials, num_steps=1, key=jax.random.key(1))
    np.testing.assert_array_equal(trials.log.length, 1)
    np.testing.assert_array_equal(rollout.outcome.rewards, 1.0)
