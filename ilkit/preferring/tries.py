"""Tries from one start, side by side, and the pairs of them that are worth a question."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PRNGKeyArray, PyTree

from ilkit.data.environment import Environment, VectorState
from ilkit.data.policy import Policy
from ilkit.data.preferences import Clips


def starts_of(env: Environment, count: int, *, uniform: bool, key: PRNGKeyArray) -> PyTree:
    """States to start from: as the environment says, or uniformly in the box of its states."""
    if uniform:
        assert isinstance(env, VectorState)
        low, high = np.asarray(env.state_box.bounds, np.float32)
        return jax.random.uniform(key, (count, len(low)), minval=low, maxval=high)
    return jax.vmap(lambda key: env.reset(key=key))(jax.random.split(key, count))


def tried(env: Environment, policy: Policy, starts: PyTree, length: int, *, key: PRNGKeyArray) -> Clips:
    """What a policy's samples do from each start, for so many steps or until the environment ends it."""
    count = len(jax.tree.leaves(starts)[0])
    keys = jax.random.split(key, count * length * 2).reshape(count, length, 2)
    return jax.vmap(lambda start, keys: _try(env, policy, start, keys))(starts, keys)


def _try(env: Environment, policy: Policy, start: PyTree, keys: Key[Array, "time 2"]) -> Clips:
    def step(
        carried: tuple[PyTree, PyTree, Array], keys: Key[Array, " 2"]
    ) -> tuple[tuple[PyTree, PyTree, Array], Clips]:
        state, carry, alive = carried
        obs = env.observe(state)
        carry, action = policy.sample(carry, obs, key=keys[0])
        after, (reward, terminated) = env.step(state, action, key=keys[1])
        made = Clips(obs, action, env.observe(after), jnp.where(alive, reward, 0.0), alive & terminated, alive)
        return (after, carry, alive & ~terminated), made

    return jax.lax.scan(step, (start, policy.initial_carry(), jnp.asarray(True)), keys)[1]


def equal_actions(first: Clips, second: Clips) -> Bool[Array, " pairs"]:
    """Which pairs are of clips in which the same was done: nothing tells them apart."""
    differs = (first.actions != second.actions).reshape(*first.mask.shape, -1).any(axis=-1)
    return ~((differs & first.mask & second.mask) | (first.mask != second.mask)).any(axis=-1)


def furthest_apart(tries: Clips, gains: Float[Array, "tries pairs"]) -> tuple[Clips, Clips]:
    """Of several tries from each start, that of the largest gain, and of the others that of the least."""

    def picked(places: Array) -> Clips:
        return jax.tree.map(
            lambda column: jnp.take_along_axis(column, places.reshape(1, -1, *[1] * (column.ndim - 2)), axis=0)[0],
            tries,
        )

    best = jnp.argmax(gains, axis=0)
    others = jnp.where(jnp.arange(len(gains))[:, None] == best, jnp.inf, gains)
    return picked(best), picked(jnp.argmin(others, axis=0))
