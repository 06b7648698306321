"""Every pair of arms of a small bandit, in a few contexts, answered with the probability of Bradley and Terry."""

import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.seeds import Seeds
from ilkit.env.bandit import Bandit, BanditEnvironment, env
from ilkit.running import loop

ARMS = 3
CONTEXTS = np.random.default_rng(0).standard_normal((32, 2)).astype(np.float32)


def bandit(**settings: Any) -> BanditEnvironment:
    world = env(Bandit(num_arms=ARMS, context_size=2, reward_std=1.0, **settings))
    assert isinstance(world, BanditEnvironment)
    return world


def choices(world: BanditEnvironment, contexts: np.ndarray, arms: np.ndarray) -> Demonstrations:
    """One step an episode."""
    count = len(arms)
    rewards = np.asarray(world.arm_rewards(jnp.asarray(contexts)))[np.arange(count), arms]
    return Demonstrations(
        np.repeat(contexts, 2, axis=0),
        arms.astype(np.int32),
        rewards,
        np.ones(count, bool),
        np.zeros(count, bool),
        np.ones(count, np.int32),
        spaces=world.spaces,
    )


def comparisons(world: BanditEnvironment, *, hard: bool = False) -> Preferences:
    """All pairs of arms in all contexts; with `hard`, the better one is always preferred."""
    pairs = np.asarray(list(itertools.combinations(range(ARMS), 2)))
    contexts, arms = np.repeat(CONTEXTS, len(pairs), axis=0), np.tile(pairs, (len(CONTEXTS), 1))
    first, second = (choices(world, contexts, side) for side in arms.T)
    gap = first.rewards - second.rewards
    probability = (gap > 0).astype(np.float32) if hard else 1 / (1 + np.exp(-gap))
    return Preferences(first, second, probability.astype(np.float32))


def aligned(module: Any, spec: Any, reference: Policy, preferences: Preferences) -> Seeds[Policy]:
    """Trains one seed."""
    stacked = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, reference)
    return loop.train(
        lambda reference, key: module.align(spec, reference, preferences, key=key), stacked, key=jax.random.key(0)
    )


@eqx.filter_jit
def arm_log_probs(policy: Policy, contexts: Float[Array, "contexts 2"]) -> Float[Array, "contexts arms"]:
    def of(obs: Array) -> Array:
        return jax.vmap(lambda arm: policy.log_prob((), obs, arm)[1])(jnp.arange(ARMS))

    return jax.vmap(of)(contexts)
