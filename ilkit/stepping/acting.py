"""Acting once in an episode: what a policy intends and what is done, from keys that the episode alone decides."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree, UInt32

from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Leaf
from ilkit.stepping.random_policy import any_choice

Noise = Float[Array, ""] | Float[Array, "act act"]
"""The standard deviation of the noise on each entry of an action, or a root L of its covariance L Lᵀ; of discrete
actions, the probability that a random one takes their place."""


def act_once(
    policy: Policy,
    space: Leaf,
    carry: PyTree,
    obs: PyTree,
    noise: Noise | None,
    stochastic: bool,
    keys: Key[Array, " keys"],
) -> tuple[PyTree, Array, Array]:
    """What the policy intends, and what is done: with the noise, inside of the action space."""
    sample_key, noise_key = keys[0], keys[1]
    carry, intended = policy.sample(carry, obs, key=sample_key) if stochastic else policy.mode(carry, obs)
    return carry, intended, _perturb(space, intended, noise, key=noise_key)


def _perturb(space: Leaf, action: Array, noise: Noise | None, *, key: PRNGKeyArray) -> Array:
    if not isinstance(space, Box):
        if noise is None:
            return action
        whether_key, which_key = jax.random.split(key)
        other = any_choice(space, key=which_key).astype(action.dtype)
        return jnp.where(jax.random.bernoulli(whether_key, noise), other, action)
    noisy = action if noise is None else action + _drawn(noise, action.shape, key=key)
    return jnp.clip(noisy, *np.asarray(space.bounds, np.float32))


def _drawn(noise: Noise, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Float[Array, "*act"]:
    normal = jax.random.normal(key, shape)
    return (noise @ normal.reshape(-1)).reshape(shape) if noise.ndim else noise * normal


def start_of(seed: np.random.SeedSequence) -> np.random.SeedSequence:
    """What the start of an episode is drawn from: its number, whichever try at this start it is."""
    return np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key[-1:])


def key_words(seed: np.random.SeedSequence, max_steps: int) -> UInt32[np.ndarray, "rows keys words"]:
    """Three keys a step (to sample, to perturb, for the environment) and one row more to reset with."""
    words = _words(seed, max_steps)
    if len(seed.spawn_key) > 1:
        words[-1] = _words(start_of(seed), max_steps)[-1]
    return words


def _words(seed: np.random.SeedSequence, max_steps: int) -> UInt32[np.ndarray, "rows keys words"]:
    return np.random.Philox(seed).random_raw((max_steps + 1) * 3).view(np.uint32).reshape(max_steps + 1, 3, 2)
