"""How much reward a policy earns for how far it is from a reference, where both are known exactly.

Over a sample of contexts x and all arms a, without sampling any action:

    R = mean_x Σ_a π(a | x) r(x, a),    D = mean_x KL(π(· | x) ‖ π_ref(· | x)),

and no policy has more reward for its divergence than π ∝ π_ref exp(r / β) for some β.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.environment import Environment
from ilkit.data.policy import Policy
from ilkit.data.reward import Reward


@runtime_checkable
class Armed(Protocol):
    """An environment of one choice among arms, all of whose rewards are known."""

    def arm_rewards(self, obs: Float[Array, "*batch context"]) -> Float[Array, "*batch arms"]:
        """The reward of every arm."""


class Frontier(NamedTuple):
    """Points of reward and divergence, one after the other."""

    reward: Float[np.ndarray, " points"]
    divergence: Float[np.ndarray, " points"]


def contexts_of(env: Environment, count: int, *, key: PRNGKeyArray) -> Float[Array, "contexts context"]:
    """Contexts as the environment draws them."""
    return jax.vmap(lambda key: env.observe(env.reset(key=key)))(jax.random.split(key, count))


@eqx.filter_jit
def arm_log_probs(policy: Policy, contexts: Float[Array, "contexts context"], arms: int) -> Array:
    """Log π(a | x) of every arm in every context."""

    def of(obs: Array) -> Array:
        return jax.vmap(lambda arm: policy.log_prob(policy.initial_carry(), obs, arm)[1])(jnp.arange(arms))

    return jax.vmap(of)(contexts)


@eqx.filter_jit
def learnt_rewards(reward: Reward, contexts: Float[Array, "contexts context"], arms: int) -> Array:
    """What a learnt reward says of every arm in every context."""

    def of(obs: Array) -> Array:
        return jax.vmap(lambda arm: reward(obs, arm, obs, jnp.asarray(True)))(jnp.arange(arms))

    return jax.vmap(of)(contexts)


def point_of(
    log_probs: Float[Array, "contexts arms"], reference: Float[Array, "contexts arms"], rewards: Array
) -> tuple[float, float]:
    """R and D of a policy."""
    chosen = jnp.exp(log_probs)
    divergence = jnp.mean(jnp.sum(jnp.where(chosen > 0, chosen * (log_probs - reference), 0.0), axis=1))
    return float(jnp.mean(jnp.sum(chosen * rewards, axis=1))), float(divergence)


def tilted(
    reference: Float[Array, "contexts arms"], believed: Array, rewards: Array, betas: Float[np.ndarray, " points"]
) -> Frontier:
    """What reinforcement on believed rewards makes of the reference, exactly, for each β: π ∝ π_ref exp(r̂ / β)."""
    points = [point_of(jax.nn.log_softmax(reference + believed / beta), reference, rewards) for beta in betas]
    return Frontier(*(np.asarray(column) for column in zip(*points, strict=True)))
