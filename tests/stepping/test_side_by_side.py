"""Stepping environments side by side: what a row holds where an episode ends."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, PRNGKeyArray, PyTree, UInt8

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Spaces
from ilkit.stepping.behavior import Sampling
from ilkit.stepping.records import EpisodeLog, Outcome
from ilkit.stepping.side_by_side import CompiledEnvs

pytestmark = pytest.mark.bits

_SPACES = Spaces(observation=Box.symmetric((np.inf,)), action=Box.symmetric((1.0,)))


class Counting(Environment):
    """Counts up by the action; falls at `fall`, and pays what it has counted."""

    fall: float = eqx.field(static=True)
    spaces: Spaces = eqx.field(static=True, default=_SPACES)
    max_steps: int = eqx.field(static=True, default=5)
    state_names: tuple[str, ...] = eqx.field(static=True, default=("count",))
    state_box: Box = eqx.field(static=True, default=Box.symmetric((1.0,)))

    def reset(self, *, key: PRNGKeyArray) -> Float[Array, " state"]:
        return jnp.zeros(1)

    def step(
        self, state: Float[Array, " state"], action: Array, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " state"], Transition]:
        state = state + action
        return state, Transition(state[0], state[0] >= self.fall)

    def observe(self, state: Float[Array, " state"]) -> Float[Array, " obs"]:
        return state

    def state_of(self, obs: Float[Array, " obs"]) -> Float[Array, " state"]:
        return obs

    def frame(self, state: Float[Array, " state"], height: int) -> UInt8[Array, "height width 3"]:
        return jnp.zeros((1, 1, 3), jnp.uint8)


class One(Policy):
    """Always 1."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Float[Array, " obs"]) -> tuple[PyTree, Float[Array, " act"]]:
        return carry, jnp.ones(1)


def _collect(envs: Any, spaces: Spaces, *, num_steps: int, trials: Any = None) -> Any:
    policy = One(normalizer=Normalizer.identity(spaces.observation.size), spaces=spaces)
    trials = envs.reset(key=jax.random.key(0)) if trials is None else trials
    return envs.collect(policy, Sampling(), trials, num_steps=num_steps, key=jax.random.key(1))


def test_a_cut_episode_keeps_its_last_observation_and_the_next_one_starts_afresh() -> None:
    _, rollout = _collect(CompiledEnvs(Counting(fall=100.0), 2), _SPACES, num_steps=7)
    for env in range(2):
        np.testing.assert_array_equal(rollout.obs[:, env, 0], [0, 1, 2, 3, 4, 0, 1])
        np.testing.assert_array_equal(rollout.outcome.next_obs[:, env, 0], [1, 2, 3, 4, 5, 1, 2])
        np.testing.assert_array_equal(rollout.outcome.truncated[:, env], [False] * 4 + [True] + [False] * 2)
    assert not rollout.outcome.terminated.any()


@pytest.mark.parametrize("fall", [3.0, 5.0])
def test_an_episode_that_terminates_is_not_cut_also_at_the_time_limit(fall: float) -> None:
    trials, rollout = _collect(CompiledEnvs(Counting(fall=fall), 1), _SPACES, num_steps=int(fall) + 1)
    ends = [False] * (int(fall) - 1) + [True, False]
    np.testing.assert_array_equal(rollout.outcome.terminated[:, 0], ends)
    assert not rollout.outcome.truncated.any()
    assert float(rollout.outcome.next_obs[-2, 0, 0]) == fall
    assert float(trials.log.last_return[0]) == fall * (fall + 1) / 2
    assert int(trials.log.length[0]) == 1


def test_a_second_rollout_goes_on_where_the_first_one_stopped() -> None:
    envs = CompiledEnvs(Counting(fall=100.0), 2)
    trials, _ = _collect(envs, _SPACES, num_steps=3)
    trials, rollout = _collect(envs, _SPACES, num_steps=3, trials=trials)
    np.testing.assert_array_equal(rollout.obs[:, 0, 0], [3, 4, 0])
    np.testing.assert_array_equal(trials.log.num_episodes, [1, 1])
    np.testing.assert_array_equal(trials.log.last_return, [15.0, 15.0])


def test_the_log_tells_the_mean_of_last_returns_where_there_are_any() -> None:
    def outcome(rewards: list[float], ended: list[bool]) -> Outcome:
        ends = jnp.asarray(ended)
        return Outcome(jnp.asarray(rewards), jnp.zeros((3, 1)), ends, jnp.zeros(3, bool))

    log = EpisodeLog.empty(3)
    assert (float(log.mean_return), float(log.total_episodes)) == (0.0, 0.0)
    log = log.add(outcome([1.0, 2.0, 3.0], [False, True, False])).add(outcome([4.0, 5.0, 6.0], [True, False, False]))
    assert (float(log.mean_return), float(log.total_episodes)) == (3.5, 2.0)
    np.testing.assert_array_equal(log.length, [0, 1, 2])


def test_the_log_counts_episodes_in_which_there_was_a_reward() -> None:
    """The first environment pays nothing, the second takes, the third gives; the last one has not ended."""
    log = EpisodeLog.empty(4)
    for ended in (False, True, True):
        ends = jnp.asarray([ended, ended, ended, False])
        rewards = jnp.asarray([0.0, -1.0, 1.0 - ended, 1.0])
        log = log.add(Outcome(rewards, jnp.zeros((4, 1)), ends, jnp.zeros(4, bool)))
    np.testing.assert_array_equal(log.num_seen, [[0, 0], [2, 0], [1, 1], [0, 0]])
    assert (float(log.total_rewarded), float(log.total_gained), float(log.total_episodes)) == (3.0, 1.0, 6.0)
