"""Ensembles of critics Q_i(s, a), stacked on a leading axis; what they put out is on the scale of a `ValueScale`.

Targets take the least of a few critics that are drawn from the ensemble for each update (Chen et al., Randomized
Ensembled Double Q-Learning, 2021); with two, both of which are taken, that is clipped double Q-learning (Fujimoto et
al., 2018).
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.policy import Policy
from ilkit.nn.flatten import flatten
from ilkit.nn.normed_layers import NormedLayers
from ilkit.nn.perceptron import Layers, build_silent_layers
from ilkit.off_policy.actions import units_of
from ilkit.reinforcement.value_scale import ValueScale


def build_critics(
    policy: Policy, num_critics: int, hidden: tuple[int, ...], *, layer_norm: bool, key: PRNGKeyArray
) -> Layers:
    """Critics of a policy's observations and actions, all of whose outputs are 0 at first."""
    sizes = (policy.spaces.observation.size + policy.spaces.action.size, *hidden, 1)

    def build(key: PRNGKeyArray) -> Layers:
        layers = build_silent_layers(sizes, "relu", key=key)
        return NormedLayers.of(layers) if layer_norm else layers

    critics: Layers = jax.vmap(build)(jax.random.split(key, num_critics))
    return critics


def outputs_of(
    critics: Layers, policy: Policy, obs: PyTree, actions: Float[Array, "*batch act"]
) -> Float[Array, "critics *batch"]:
    """What each critic puts out; observations are normalized as the policy's, actions are in half ranges."""
    normalized = flatten(policy.spaces.observation, policy.normalizer(obs))
    inputs = jnp.concatenate([normalized, units_of(policy).raw(actions)], axis=-1)
    return jax.vmap(lambda critic: critic(inputs)[..., 0])(critics)


def draw_subsets(num_critics: int, size: int, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Int[Array, "..."] | None:
    """The numbers of `size` critics for each of `shape`, without replacement; none where all are taken."""
    if size == num_critics:
        return None
    bits = jax.random.bits(key, (math.prod(shape) * num_critics,), jnp.uint32)
    return jax.lax.top_k(bits.reshape(*shape, num_critics), size)[1]


def lower_bound(outputs: Float[Array, "critics *batch"], pessimism: float | Float[Array, ""]) -> Float[Array, "*batch"]:
    """mean_i Q_i - k std_i Q_i: what the critics agree on (Ghasemipour et al., Why So Pessimistic?, 2022)."""
    spread = jnp.sqrt(jnp.var(outputs, axis=0) + 1e-12)  # has a slope also where all are the same
    return jnp.mean(outputs, axis=0) - pessimism * spread


def least_values(
    critics: Layers,
    scale: ValueScale,
    policy: Policy,
    obs: PyTree,
    actions: Float[Array, "updates batch act"],
    subset: Int[Array, "updates chosen"] | None,
) -> Float[Array, "updates batch"]:
    """The least Q_i(s, a) over the critics of each update's subset, or over all, in units of returns."""
    if subset is None:
        return jnp.min(scale.values(outputs_of(critics, policy, obs, actions)), axis=0)

    def least(subset: Int[Array, " chosen"], obs: PyTree, actions: Array) -> Float[Array, " batch"]:
        chosen = jax.tree.map(lambda leaf: leaf[subset], critics)
        return jnp.min(scale.values(outputs_of(chosen, policy, obs, actions)), axis=0)

    return jax.vmap(least)(subset, obs, actions)
