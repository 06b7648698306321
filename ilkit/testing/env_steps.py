"""Steps of an environment with random actions, which its checks look at."""

from typing import NamedTuple

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree, Shaped

from ilkit.data.environment import Environment
from ilkit.stepping.random_policy import RandomPolicy

_NUM_EPISODES = 16


class Steps(NamedTuple):
    """Steps of several episodes, which go on where the environment terminated them."""

    states: PyTree
    obs: PyTree[Shaped[Array, "episodes steps ..."]]
    actions: Array
    rewards: Float[Array, "episodes steps"]
    terminated: Bool[Array, "episodes steps"]
    after: PyTree


@eqx.filter_jit
def random_steps(env: Environment, key: PRNGKeyArray) -> Steps:
    """Steps of episodes with uniformly random actions."""
    num_steps = min(env.max_steps, 200)

    def episode(key: PRNGKeyArray) -> Steps:
        reset_key, steps_key = jax.random.split(key)

        def step(state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Steps]:
            action_key, step_key = jax.random.split(key)
            action = RandomPolicy.of(env.spaces).sample((), env.observe(state), key=action_key)[1]
            after, transition = env.step(state, action, key=step_key)
            return after, Steps(state, env.observe(state), action, *transition, after)

        return jax.lax.scan(step, env.reset(key=reset_key), jax.random.split(steps_key, num_steps))[1]

    return jax.vmap(episode)(jax.random.split(key, _NUM_EPISODES))
