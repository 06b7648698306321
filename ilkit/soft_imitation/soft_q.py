"""Soft Q-learning for discrete actions, by a policy whose logits are Q(s, a) / α (Haarnoja et al., 2017).

    y = r + γ V'(s'),    V(s) = α log Σ_a exp(Q(s, a) / α),    Q ← argmin E[(Q(s, a) - y)²],    Q' ← Q' + τ (Q - Q'),

with the reward 1 of demonstrated steps and 0 of one's own, as many of each in every batch (Reddy et al., 2020), and
the value of the absorbing state in place of V'(s') where a step terminated. Q is learnt about the middle of what
rewards of 0 and 1 can add up to.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from ilkit.data.experience import Experience
from ilkit.data.policy import Policy
from ilkit.data.spaces import Discrete
from ilkit.fitting.gradient import descend
from ilkit.nn.head import Head
from ilkit.nn.scaled_network import Scale, ScaledNetwork

_UNIT = 0.2
"""Of the middle."""

Number = float | Float[Array, ""]


class SoftQ(NamedTuple):
    """The numbers that turn the logits of a policy into values."""

    temperature: Float[Array, ""]
    """α."""
    middle: Float[Array, ""]
    """What is added to α times the logits."""
    unit: Float[Array, ""]
    """What 1 is worth that the network puts out, of which the logits are unit / α times as much."""

    @classmethod
    def of(cls, temperature: Number, discount: Number) -> "SoftQ":
        """Values about the middle of 0 and 1 / (1 - γ)."""
        middle = 0.5 / (1.0 - jnp.minimum(discount, 0.999))
        numbers = (temperature, middle, _UNIT * middle)
        return cls(*(jnp.asarray(number, jnp.float32) for number in numbers))

    def values(self, policy: Head, obs: PyTree) -> Float[Array, " actions"]:
        """Q(s, ·)."""
        return self.temperature * policy.outputs((), obs)[1] + self.middle

    def soft_maximum(self, values: Float[Array, "*batch actions"]) -> Float[Array, "*batch"]:
        """V(s), of Q(s, ·)."""
        return self.temperature * jax.nn.logsumexp(values / self.temperature, axis=-1)


class QLearner(NamedTuple):
    """All that an update changes."""

    trained: PyTree
    """The trained part of the policy."""
    slow: PyTree
    moments: optax.OptState


def with_values(policy: Head, soft_q: SoftQ) -> Head:
    """The policy whose logits are values over α, on the same network."""
    scaled = ScaledNetwork(policy.network, Scale(soft_q.unit / soft_q.temperature))
    changed: Head = eqx.tree_at(lambda head: head.network, policy, scaled)
    return changed


def optimizer_of(learning_rate: Number, num_updates: int) -> optax.GradientTransformation:
    """Adam, whose step size falls to 0 along a line: one's own steps and the demonstrated ones chase each other."""
    return optax.flatten(optax.adam(optax.linear_schedule(learning_rate, 0.0, num_updates)))


def update(
    soft_q: SoftQ,
    learner: QLearner,
    fixed: Policy,
    steps: Experience,
    ended_value: Float[Array, ""],
    optimizer: optax.GradientTransformation,
    *,
    discount: Number,
    target_rate: Number,
) -> tuple[QLearner, Float[Array, ""]]:
    """A gradient step on a batch, and the mean square of the errors before it, in units of the network's outputs.

    `ended_value` is what is worth where a step terminated.
    """

    def values_of(trained: PyTree, obs: PyTree) -> Float[Array, "batch actions"]:
        policy = eqx.combine(trained, fixed)
        return jax.vmap(lambda obs: soft_q.values(policy, obs))(obs)

    following = soft_q.soft_maximum(values_of(learner.slow, steps.next_obs))
    following = jnp.where(steps.terminated > 0, ended_value, following)
    targets = steps.rewards + discount * following

    def loss(trained: PyTree) -> Float[Array, ""]:
        chosen = taken(values_of(trained, steps.obs), steps.actions, fixed)
        return jnp.mean(((chosen - targets) / soft_q.unit) ** 2)

    error, gradient = jax.value_and_grad(loss)(learner.trained)
    trained, moments = descend(optimizer, gradient, learner.moments, learner.trained)
    slow = optax.incremental_update(trained, learner.slow, target_rate)
    return QLearner(trained, slow, moments), error


def taken(
    values: Float[Array, "*batch actions"], actions: Int[Array, "*batch"], policy: Policy
) -> Float[Array, "*batch"]:
    """The values of the actions that were taken."""
    assert isinstance(policy.spaces.action, Discrete)
    places = actions - policy.spaces.action.start
    return jnp.take_along_axis(values, places[..., None], axis=-1)[..., 0]
