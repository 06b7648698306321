"""The rewards of the first steps of very many episodes, of which nothing else is kept."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import check_spaces
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.memory import first_carries

_AT_ONCE = 4096


def sum_rewards(
    env: Environment | HostEnvironment,
    policy: Policy,
    horizons: Int[np.ndarray, " horizons"],
    *,
    num_episodes: int,
    stochastic: bool,
    key: PRNGKeyArray,
) -> Float[np.ndarray, "episodes horizons"]:
    """The sum of the rewards of the first T steps, for each horizon T and each episode; none follow after its end.

    Compiled environments draw from the key and the number of a batch, those on the host as `collect_episodes` does: the
    same for every policy.

    **Raises:** `DataError` where the policy's spaces don't fit.
    """
    if not isinstance(env, Environment):
        run = collect_episodes(env, policy, num_episodes=num_episodes, stochastic=stochastic, key=key)
        sums = np.cumsum(run.rewards, axis=1)
        return np.asarray(sums[:, np.minimum(horizons, sums.shape[1]) - 1])
    check_spaces(env.spaces, policy.spaces)
    world, acting = jax.tree.map(
        lambda leaf: jnp.asarray(leaf, jnp.float32) if isinstance(leaf, float) else leaf, (env, policy)
    )
    ends = tuple(horizons.tolist())
    batches = [
        np.asarray(_sum_batch(world, acting, ends, stochastic, jax.random.fold_in(key, number)))
        for number in range(-(-num_episodes // _AT_ONCE))
    ]
    return np.concatenate(batches)[:num_episodes]


@eqx.filter_jit
def _sum_batch(
    env: Environment, policy: Policy, horizons: tuple[int, ...], stochastic: bool, key: PRNGKeyArray
) -> Float[Array, "episodes horizons"]:
    reset_key, steps_key = jax.random.split(key)

    def act(carry: PyTree, state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        obs = env.observe(state)
        return policy.sample(carry, obs, key=key) if stochastic else policy.mode(carry, obs)

    def step(given: tuple[PyTree, ...], key: PRNGKeyArray) -> tuple[tuple[PyTree, ...], Float[Array, " episodes"]]:
        states, carries, ended, sums = given
        env_keys = jax.random.split(key, _AT_ONCE)
        act_keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(env_keys) if stochastic else env_keys
        carries, actions = jax.vmap(act)(carries, states, act_keys)
        states, (rewards, terminated) = jax.vmap(lambda state, action, key: env.step(state, action, key=key))(
            states, actions, env_keys
        )
        sums = sums + jnp.where(ended, 0.0, rewards)
        return (states, carries, ended | terminated, sums), sums

    states = jax.vmap(lambda key: env.reset(key=key))(jax.random.split(reset_key, _AT_ONCE))
    start = (states, first_carries(policy, _AT_ONCE), jnp.zeros(_AT_ONCE, bool), jnp.zeros(_AT_ONCE))
    sums = jax.lax.scan(step, start, jax.random.split(steps_key, horizons[-1]))[1]
    return sums[np.asarray(horizons) - 1].T
