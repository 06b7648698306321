"""Stepping many environments side by side: compiled where they are pure JAX, in a loop where they are on the host.

Both kinds have the same interface, so that an algorithm is written once: `reset`, then `collect` again and again. An
environment whose episode has ended starts the next one.

Random numbers are drawn as vectors and reshaped: XLA compiles a draw of several dimensions four times as long.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.exploration import RunningSquare
from ilkit.data.policy import Policy
from ilkit.learn.behavior import Behavior
from ilkit.learn.stepping import EpisodeLog, Outcome, Rollout


class Trials(NamedTuple):
    """Episodes under way."""

    states: PyTree
    """The states of the environments, one a row; nothing where they are on the host."""
    running: RunningSquare
    log: EpisodeLog


class CompiledEnvs(eqx.Module):
    """Copies of a pure-JAX environment."""

    env: Environment
    num_envs: int = eqx.field(static=True)

    def reset(self, *, key: PRNGKeyArray) -> Trials:
        """Starts an episode in each."""
        states = jax.vmap(lambda key: self.env.reset(key=key))(jax.random.split(key, self.num_envs))
        return Trials(states, RunningSquare.empty(), EpisodeLog.empty(self.num_envs))

    def collect(
        self, policy: Policy, behavior: Behavior, trials: Trials, *, num_steps: int, key: PRNGKeyArray
    ) -> tuple[Trials, Rollout]:
        """Steps each `num_steps` times."""

        def step(trials: Trials, keys: Key[Array, " keys"]) -> tuple[Trials, Rollout]:
            obs = jax.vmap(self.env.observe)(trials.states)
            running, actions, context = behavior.act(policy, trials.running, obs, key=keys[0])
            states, outcome = self._step(trials.states, trials.log, actions, keys[1:].reshape(self.num_envs, 2))
            return Trials(states, running, trials.log.add(outcome)), Rollout(obs, actions, context, outcome)

        keys_per_step = 1 + 2 * self.num_envs
        keys = jax.random.split(key, num_steps * keys_per_step)
        return jax.lax.scan(step, trials, keys.reshape(num_steps, keys_per_step))

    def _step(
        self, states: Float[Array, "envs state"], log: EpisodeLog, actions: Array, keys: Key[Array, "envs 2"]
    ) -> tuple[Float[Array, "envs state"], Outcome]:
        def step(state: Float[Array, " state"], action: Array, keys: Key[Array, " 2"]) -> tuple[Array, ...]:
            stepped, (reward, terminated) = self.env.step(state, action, key=keys[0])
            return stepped, self.env.observe(stepped), reward, terminated, self.env.reset(key=keys[1])

        stepped, next_obs, rewards, terminated, fresh = jax.vmap(step)(states, actions, keys)
        truncated = ~terminated & (log.length + 1 >= self.env.max_steps)
        states = jnp.where((terminated | truncated)[:, None], fresh, stepped)
        return states, Outcome(rewards, next_obs, terminated, truncated, jnp.ones_like(terminated))


class HostEnvs:
    """A vector of environments on the host, made when it is first stepped.

    The episodes under way are in no checkpoint: a run that is resumed starts new ones.
    """

    def __init__(self, env: HostEnvironment, num_envs: int) -> None:
        self._env, self._num_envs = env, num_envs
        self._vector: VectorEnv[Any, Any, Any] | None = None
        self._obs = np.zeros((num_envs, env.spaces.observation.size), np.float32)
        self._resetting = np.zeros(num_envs, bool)

    def reset(self, *, key: PRNGKeyArray) -> Trials:
        """Starts with nothing known; the episodes begin with the first step."""
        del key
        return Trials((), RunningSquare.empty(), EpisodeLog.empty(self._num_envs))

    def collect(
        self, policy: Policy, behavior: Behavior, trials: Trials, *, num_steps: int, key: PRNGKeyArray
    ) -> tuple[Trials, Rollout]:
        """Steps each `num_steps` times; the policy acts for all of them in one compiled call."""
        reset_key, act_key = jax.random.split(key)
        running, log = trials.running, self._start(trials.log, key=reset_key)
        rows = []
        for step_key in jax.random.split(act_key, num_steps):
            obs = self._obs
            running, actions, context = _act(policy, behavior, running, jnp.asarray(obs), step_key)
            rows.append((obs, np.asarray(actions), context, self._step(np.asarray(actions))))
        obs, actions, context, outcome = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *rows)
        rollout = Rollout(obs, actions, context, Outcome(*outcome))
        return Trials((), running, _add_all(log, rollout.outcome)), rollout

    def _start(self, log: EpisodeLog, *, key: PRNGKeyArray) -> EpisodeLog:
        if self._vector is not None:
            return log
        self._vector = self._env.make(self._num_envs)
        self._obs, _ = self._vector.reset(seed=int(jax.random.bits(key, dtype=jnp.uint32)))
        return log.restart()

    def _step(self, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        assert self._vector is not None
        next_obs, rewards, terminated, truncated, _ = self._vector.step(actions)
        valid, self._obs, self._resetting = ~self._resetting, next_obs, terminated | truncated
        return np.asarray(rewards, np.float32), next_obs, terminated, truncated & ~terminated, valid


def side_by_side(env: Environment | HostEnvironment, num_envs: int) -> CompiledEnvs | HostEnvs:
    """Copies of an environment, to be stepped side by side."""
    return CompiledEnvs(env, num_envs) if isinstance(env, Environment) else HostEnvs(env, num_envs)


@eqx.filter_jit
def _act(
    policy: Policy, behavior: Behavior, running: RunningSquare, obs: Float[Array, "envs obs"], key: PRNGKeyArray
) -> tuple[RunningSquare, Array, PyTree]:
    return behavior.act(policy, running, jnp.asarray(obs), key=key)


@jax.jit
def _add_all(log: EpisodeLog, outcome: Outcome) -> EpisodeLog:
    return jax.lax.scan(lambda log, outcome: (log.add(outcome), None), log, outcome)[0]
