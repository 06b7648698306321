"""How well a policy does by itself: the return of whole episodes, the same ones after every round."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.stepping.episodes import collect_all


class Validation(eqx.Module):
    """Episodes of an environment, by a key."""

    world: Environment | HostEnvironment
    num_episodes: int = eqx.field(static=True)

    def compiled(self, policy: Policy, otherwise: Float[Array, ""], *, key: PRNGKeyArray) -> Float[Array, ""]:
        """The mean return in a compiled environment; without episodes, what is given."""
        if not self.num_episodes:
            return otherwise
        assert isinstance(self.world, Environment)
        keys = jax.random.split(key, self.num_episodes)
        return jnp.mean(jax.vmap(lambda key: _return(self.world, policy, key=key))(keys))

    def on_host(
        self, policy: Policy, otherwise: Float[Array, "*seeds"], *, key: Key[Array, "*seeds"]
    ) -> Float[Array, "*seeds"]:
        """The mean return of each seed's policy; the first key decides the episodes of all."""
        if not self.num_episodes:
            return otherwise
        single = jax.tree.map(lambda leaf: np.asarray(leaf) if eqx.is_array(leaf) else leaf, policy)
        policies = [_slice(single, seed) for seed in range(len(key))] if key.ndim else [single]
        first = key.reshape(-1)[0]
        runs = collect_all(self.world, [(one, False) for one in policies], num_episodes=self.num_episodes, key=first)
        means = [np.float32(run.returns.mean()) for run in runs]
        return jnp.asarray(means).reshape(key.shape)


def _return(env: Any, policy: Policy, *, key: PRNGKeyArray) -> Float[Array, ""]:
    reset_key, steps_key = jax.random.split(key)

    def step(carried: tuple[PyTree, ...], key: PRNGKeyArray) -> tuple[tuple[PyTree, ...], Float[Array, ""]]:
        state, carry, alive = carried
        carry, action = policy.mode(carry, env.observe(state))
        state, (reward, terminated) = env.step(state, action, key=key)
        return (state, carry, alive & ~terminated), jnp.where(alive, reward, 0.0)

    first = (env.reset(key=reset_key), policy.initial_carry(), jnp.ones((), bool))
    return jnp.sum(jax.lax.scan(step, first, jax.random.split(steps_key, env.max_steps))[1])


def _slice(policy: Policy, seed: int) -> Policy:
    return jax.tree.map(lambda leaf: leaf[seed] if eqx.is_array(leaf) else leaf, policy)
