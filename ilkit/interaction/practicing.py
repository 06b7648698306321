"""Acting towards goals to learn from it: by samples of the policy, or at random; nobody is asked."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PRNGKeyArray, PyTree

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box
from ilkit.interaction.team import Answer
from ilkit.stepping.behavior import Acting, RunningSquare
from ilkit.stepping.random_policy import RandomPolicy


class Practicing(Acting):
    """Acting by samples of the policy, or at random."""

    at_random: Bool[Array, ""]

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, Answer]:
        """What is done, inside of the action space: nobody is asked."""
        policy_key, random_key = jax.random.split(key)
        count = len(jax.tree.leaves(obs)[0])

        def drawn(policy: Policy, carry: PyTree, key: PRNGKeyArray) -> Array:
            keys = jax.random.split(key, count)
            return jax.vmap(lambda *given: policy.sample(*given[:2], key=given[2])[1])(carry, obs, keys)

        anything = drawn(RandomPolicy.of(policy.spaces), (), random_key)
        done = jnp.where(self.at_random, anything, drawn(policy, carry, policy_key))
        space = policy.spaces.action
        if isinstance(space, Box):
            done = jnp.clip(done, *np.asarray(space.bounds, np.float32))
        return running, done, Answer(done, jnp.zeros(count, bool), jnp.zeros(count))
