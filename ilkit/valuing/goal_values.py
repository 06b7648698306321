"""What a state is worth on the way to a goal: minus the discounted number of steps that are left.

V(s, g) = -(1 - γᵈ) / (1 - γ) where the goal is d steps away. Learnt from what was done by the asymmetric squares of
implicit Q-learning, without ever asking for another action (Kostrikov et al., 2022; for goals Ghosh et al.,
Reinforcement learning from passive data via latent intentions, 2023; Park et al., HIQL, 2023).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.goal_entries import STEPS_LEFT
from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Dict
from ilkit.nn.flatten import flatten
from ilkit.nn.normed_layers import NormedLayers
from ilkit.nn.perceptron import Layers, build_silent_layers
from ilkit.valuing.spec import ValueSpec

_NUM_VALUES = 2
"""The less optimistic of two is what targets are compared by."""


class GoalValues(eqx.Module):
    """Two values of an observation that says where to go, all of whose outputs are 0 at first."""

    layers: Layers
    """Stacked."""
    normalizer: Normalizer
    observation: Dict = eqx.field(static=True)
    """What of an observation they see: all but how many steps are left, which would be the answer."""

    @classmethod
    def of(cls, spec: ValueSpec, normalizer: Normalizer, observation: Dict, *, key: PRNGKeyArray) -> "GoalValues":
        """Values of observations of this space, which are normalized so."""
        seen = Dict(entries=tuple(entry for entry in observation.entries if entry[0] != STEPS_LEFT))

        def build(key: PRNGKeyArray) -> Layers:
            layers = build_silent_layers((seen.size, *spec.value_hidden, 1), "gelu", key=key)
            return NormedLayers.of(layers) if spec.value_layer_norm else layers

        return cls(jax.vmap(build)(jax.random.split(key, _NUM_VALUES)), normalizer, seen)

    def __call__(self, obs: PyTree) -> Float[Array, "values *batch"]:
        """What each of the two says, in steps."""
        inputs = flatten(self.observation, self.normalizer(obs))
        return jax.vmap(lambda layers: layers(inputs)[..., 0])(self.layers)


class Steps(NamedTuple):
    """A few steps each on the way to goals, up to the goal at most; both observations ask for the same one."""

    obs: PyTree
    later_obs: PyTree
    num_steps: Int[Array, " batch"]
    """How many steps lie between them; none where the first one is at the goal."""
    there: Bool[Array, " batch"]
    """Whether the later one is at the goal."""


def expectile_loss(
    spec: ValueSpec, values: GoalValues, slow: GoalValues, steps: Steps
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Σ_i E[|τ - 1(A < 0)| (y_i - V_i(s, g))²] with y_i = -(1 - γᵏ) / (1 - γ) + γᵏ V'_i(s_k, g); and the mean of V.

    V' is the slow copy of V, 0 at the goal. Whether the k steps were better than expected is the same for both:
    A = -(1 - γᵏ) / (1 - γ) + γᵏ min_i V'_i(s_k, g) - mean_i V'_i(s, g).
    """
    both = jax.tree.map(lambda now, then: jnp.concatenate([now, then]), steps.obs, steps.later_obs)
    before, after = jnp.split(slow(both), [len(steps.there)], axis=1)
    factor = spec.discount**steps.num_steps

    def target(value: Float[Array, "*values batch"]) -> Float[Array, "*values batch"]:
        return -(1.0 - factor) / (1.0 - spec.discount) + factor * jnp.where(steps.there, 0.0, value)

    advantage = target(jnp.min(after, axis=0)) - jnp.mean(before, axis=0)
    weights = jnp.where(advantage < 0.0, 1.0 - spec.expectile, spec.expectile)
    found = values(steps.obs)
    return jnp.sum(jnp.mean(weights * (target(after) - found) ** 2, axis=1)), jnp.mean(found)


def clone_weights(
    spec: ValueSpec, values: GoalValues, inverse_temperature: float | Float[Array, ""], obs: PyTree, later: PyTree
) -> Float[Array, " batch"]:
    """min(exp(α A), the largest weight) with A = V(s', g) - V(s, g), the mean of both (Peng et al., 2019)."""
    count = len(jax.tree.leaves(obs)[0])
    found = jnp.mean(values(jax.tree.map(lambda now, then: jnp.concatenate([now, then]), obs, later)), axis=0)
    gain = found[count:] - found[:count]
    return jnp.minimum(jnp.exp(inverse_temperature * gain), spec.max_weight)
