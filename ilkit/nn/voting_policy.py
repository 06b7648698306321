"""A policy that acts as most of several value functions would (Osband et al., 2016)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete, Spaces
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers


class VotingPolicy(Policy):
    """Q_k(s, ·) = f_k(s) + β p_k(s) + w log π(· | s), with a head f_k, a random prior p_k and a clone π, for each k.

    A prior is never trained: where nothing was learnt, heads disagree by it (Osband et al., Randomized Prior Functions,
    2018). The mode is the action that most heads value highest; a sample is that of a head drawn for the step.
    """

    heads: Layers
    """f_k, stacked."""
    priors: Layers
    """p_k, stacked."""
    prior_scale: Float[Array, ""]
    clone: Policy | None
    """None where there is no w."""
    clone_weight: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def values(self, obs: PyTree) -> Float[Array, "heads actions"]:
        """Q_k(s, ·)."""
        return self.fixed(obs) + outputs_of(self.heads, self.inputs(obs))

    def inputs(self, obs: PyTree) -> Float[Array, " inputs"]:
        """What heads and priors take in of an observation."""
        return flatten(self.spaces.observation, self.normalizer(obs))

    def fixed(self, obs: PyTree) -> Float[Array, "heads actions"]:
        """β p_k(s) + w log π(· | s), which no training changes."""
        prior = self.prior_scale * outputs_of(self.priors, self.inputs(obs))
        return prior if self.clone is None else prior + self.clone_weight * self._log_probs(self.clone, obs)

    def choices(self, obs: PyTree) -> Int[Array, " heads"]:
        """The place among the actions of the one that each head values highest."""
        return jnp.argmax(self.values(obs), axis=-1)

    def mode(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Int[Array, ""]]:
        """The action with the most votes, of those with as many the first one."""
        votes = jnp.sum(jax.nn.one_hot(self.choices(obs), self.spaces.action.size), axis=0)
        return carry, self.action_at(jnp.argmax(votes))

    def sample(self, carry: PyTree, obs: PyTree, *, key: PRNGKeyArray) -> tuple[PyTree, Int[Array, ""]]:
        """The action of a head drawn at random."""
        return carry, self.action_at(jax.random.choice(key, self.choices(obs)))

    def action_at(self, place: Int[Array, "*batch"]) -> Int[Array, "*batch"]:
        """The action at this place of the action space."""
        start = self.spaces.action.start if isinstance(self.spaces.action, Discrete) else 0
        return (start + place).astype(jnp.int32)

    def _log_probs(self, clone: Policy, obs: PyTree) -> Float[Array, " actions"]:
        actions = self.action_at(jnp.arange(self.spaces.action.size))
        return jax.vmap(lambda action: clone.log_prob(clone.initial_carry(), obs, action)[1])(actions)


def outputs_of(stacked: Layers, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "heads *batch actions"]:
    """The outputs of all of stacked networks."""
    return jax.vmap(lambda layers: layers(inputs))(stacked)
