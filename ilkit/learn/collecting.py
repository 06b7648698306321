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
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree

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


class HostStates(NamedTuple):
    """What is known of environments on the host."""

    obs: Float[Array, "envs obs"]
    resetting: Bool[Array, " envs"]
    """Whether the next step of an environment resets it."""
    steps: Int[Array, ""]
    """The number of steps taken: each call depends on the one before, which keeps them in order."""


class HostEnvs:
    """A vector of environments on the host, called from the compiled step.

    Where several seeds train at once, one call steps the environments of all of them. The episodes under way are in no
    checkpoint.
    """

    def __init__(self, env: HostEnvironment, num_envs: int) -> None:
        self._env, self._num_envs = env, num_envs
        self._vector: VectorEnv[Any, Any, Any] | None = None

    def reset(self, *, key: PRNGKeyArray) -> Trials:
        """Starts an episode in each."""
        shape = jax.ShapeDtypeStruct((self._num_envs, self._env.spaces.observation.size), jnp.float32)
        bits = jax.random.bits(key, dtype=jnp.uint32)
        obs = jax.pure_callback(self._reset, shape, bits, vmap_method="broadcast_all")
        states = HostStates(obs, jnp.zeros(self._num_envs, bool), jnp.zeros((), jnp.int32))
        return Trials(states, RunningSquare.empty(), EpisodeLog.empty(self._num_envs))

    def collect(
        self, policy: Policy, behavior: Behavior, trials: Trials, *, num_steps: int, key: PRNGKeyArray
    ) -> tuple[Trials, Rollout]:
        """Steps each `num_steps` times."""

        def step(trials: Trials, key: PRNGKeyArray) -> tuple[Trials, Rollout]:
            obs = trials.states.obs
            running, actions, context = behavior.act(policy, trials.running, obs, key=key)
            states, outcome = self._step(trials.states, actions)
            return Trials(states, running, trials.log.add(outcome)), Rollout(obs, actions, context, outcome)

        return jax.lax.scan(step, trials, jax.random.split(key, num_steps))

    def _step(self, states: HostStates, actions: Array) -> tuple[HostStates, Outcome]:
        count, size = self._num_envs, self._env.spaces.observation.size
        real, boolean = jax.ShapeDtypeStruct((count,), jnp.float32), jax.ShapeDtypeStruct((count,), jnp.bool_)
        shapes = (jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((count, size), jnp.float32), real)
        steps, obs, rewards, terminated, truncated = jax.pure_callback(
            self._step_all, (*shapes, boolean, boolean), states.steps, actions, vmap_method="broadcast_all"
        )
        outcome = Outcome(rewards, obs, terminated, truncated & ~terminated, ~states.resetting)
        return HostStates(obs, terminated | truncated, steps), outcome

    def _reset(self, bits: Any) -> np.ndarray:
        sequences = [np.random.SeedSequence(int(word)) for word in np.ravel(bits)]
        seeds = [int(seed) for one in sequences for seed in one.generate_state(self._num_envs)]
        if self._vector is not None:
            self._vector.close()
        self._vector = self._env.make(len(seeds))
        obs, _ = self._vector.reset(seed=seeds)  # type: ignore[arg-type]
        return np.reshape(np.asarray(obs, np.float32), (*np.shape(bits), self._num_envs, -1))

    def _step_all(self, steps: Any, actions: Any) -> tuple[np.ndarray, ...]:
        assert self._vector is not None
        leading = np.shape(steps)
        flat = np.asarray(actions)
        obs, *columns, _ = self._vector.step(flat.reshape(-1, *flat.shape[len(leading) + 1 :]))
        rewards, terminated, truncated = (np.reshape(column, (*leading, self._num_envs)) for column in columns)
        obs = np.reshape(np.asarray(obs, np.float32), (*leading, self._num_envs, -1))
        return np.asarray(steps + np.int32(1)), obs, rewards.astype(np.float32), terminated, truncated


def side_by_side(env: Environment | HostEnvironment, num_envs: int) -> CompiledEnvs | HostEnvs:
    """Copies of an environment, to be stepped side by side."""
    return CompiledEnvs(env, num_envs) if isinstance(env, Environment) else HostEnvs(env, num_envs)
