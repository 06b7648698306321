"""Playing each episode by one of several value functions, from its start to its end."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.nn.voting_policy import VotingPolicy
from ilkit.stepping.behavior import Acting, Behavior, RunningSquare


class _Head(Policy):
    """Acts by one head, whose number is the carry."""

    voting: VotingPolicy
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: Int[Array, ""], obs: PyTree) -> tuple[PyTree, Array]:
        """The action that the head values highest."""
        return carry, self.voting.action_at(self.voting.choices(obs)[carry])


class Playing(Acting):
    """Each environment is played by a head, with a uniformly random action now and then."""

    behavior: Behavior
    heads: Int[Array, " envs"]
    """The number of the head that plays each."""
    rate: Float[Array, ""]
    """How often an action is random."""

    def act(
        self, policy: Policy, running: RunningSquare, obs: PyTree, carry: PyTree = (), *, key: PRNGKeyArray
    ) -> tuple[RunningSquare, Array, PyTree]:
        """The actions of the heads of the policy, which is a `VotingPolicy`."""
        act_key, whether_key, which_key = jax.random.split(key, 3)
        voting: Any = policy
        head = _Head(voting=voting, normalizer=voting.normalizer, spaces=voting.spaces)
        running, actions, context = self.behavior.act(head, running, obs, self.heads, key=act_key)
        places = jax.random.randint(which_key, actions.shape, 0, voting.spaces.action.size)
        dithering = jax.random.bernoulli(whether_key, self.rate, actions.shape)
        return running, jnp.where(dithering, voting.action_at(places), actions), context
