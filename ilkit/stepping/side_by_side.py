"""Stepping many environments side by side: compiled where they are pure JAX, in a loop where they are on the host.

Both kinds have the same interface, so that an algorithm is written once: `reset`, then `collect` again and again. An
environment whose episode has ended starts the next one.

Random numbers are drawn as vectors and reshaped: XLA compiles a draw of several dimensions four times as long.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PRNGKeyArray, PyTree

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.stepping.behavior import Acting, RunningSquare
from ilkit.stepping.host_envs import HostEnvs
from ilkit.stepping.memory import renewed_carries
from ilkit.stepping.records import EpisodeLog, Outcome, Rollout, Trials


class CompiledEnvs(eqx.Module):
    """Copies of a pure-JAX environment."""

    env: Environment
    num_envs: int = eqx.field(static=True)

    def reset(self, *, key: PRNGKeyArray) -> Trials:
        """Starts an episode in each."""
        states = jax.vmap(lambda key: self.env.reset(key=key))(jax.random.split(key, self.num_envs))
        return Trials(states, RunningSquare.empty(), EpisodeLog.empty(self.num_envs))

    def collect(
        self, policy: Policy, behavior: Acting, trials: Trials, *, num_steps: int, key: PRNGKeyArray
    ) -> tuple[Trials, Rollout]:
        """Steps each `num_steps` times."""

        def step(trials: Trials, keys: Key[Array, " keys"]) -> tuple[Trials, Rollout]:
            obs = jax.vmap(self.env.observe)(trials.states)
            running, actions, context = behavior.act(policy, trials.running, obs, trials.carry, key=keys[0])
            states, outcome = self._step(trials.states, trials.log, actions, keys[1:].reshape(self.num_envs, 2))
            after = behavior.remembered(policy, obs, trials.carry, context)
            carry = renewed_carries(policy, after, outcome.terminated | outcome.truncated)
            return Trials(states, running, trials.log.add(outcome), carry), Rollout(obs, actions, context, outcome)

        first = trials.carry
        keys_per_step = 1 + 2 * self.num_envs
        keys = jax.random.split(key, num_steps * keys_per_step)
        trials, rollout = jax.lax.scan(step, trials, keys.reshape(num_steps, keys_per_step))
        return trials, rollout._replace(carry=first)

    def _step(
        self, states: PyTree, log: EpisodeLog, actions: Array, keys: Key[Array, "envs 2"]
    ) -> tuple[PyTree, Outcome]:
        def step(state: PyTree, action: Array, keys: Key[Array, " 2"]) -> tuple[PyTree, ...]:
            stepped, (reward, terminated) = self.env.step(state, action, key=keys[0])
            return stepped, self.env.observe(stepped), reward, terminated, self.env.reset(key=keys[1])

        stepped, next_obs, rewards, terminated, fresh = jax.vmap(step)(states, actions, keys)
        truncated = ~terminated & (log.length + 1 >= self.env.max_steps)
        ended = terminated | truncated

        def follow(new: Array, old: Array) -> Array:
            return jnp.where(ended.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        return jax.tree.map(follow, fresh, stepped), Outcome(rewards, next_obs, terminated, truncated)


def side_by_side(env: Environment | HostEnvironment, num_envs: int) -> CompiledEnvs | HostEnvs:
    """Copies of an environment, to be stepped side by side."""
    return CompiledEnvs(env, num_envs) if isinstance(env, Environment) else HostEnvs(env, num_envs)
