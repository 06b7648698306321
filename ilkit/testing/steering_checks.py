"""Checks of what a policy can do beside acting: samples with their density, and actions made of a noise."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Key

from ilkit.data.policy import Policy
from ilkit.testing.comparison import difference, expect
from ilkit.testing.probes import entries
from ilkit.testing.subject import Subject

_COUNT = 20_000
_FURTHEST = 0.025
"""The largest distance of two empirical distributions; 20,000 draws of one exceed .02 once in 1,500 times."""


def samples_come_with_their_density(subject: Subject) -> None:
    """An action that is drawn with its density is the one that is drawn without, and has that density."""
    policy = subject.learnt()
    obs, carry = entries(subject, policy)[0], policy.initial_carry()
    for key in jax.random.split(jax.random.key(11), 3):
        after, action, log_prob = policy.sample_with_log_prob(carry, obs, key=key)
        found = difference((after, action), policy.sample(carry, obs, key=key))
        expect(not found, f"sample_with_log_prob must draw what sample draws with the same key, but {found} differ.")
        expected = float(policy.log_prob(carry, obs, action)[1])
        expect(
            abs(float(log_prob) - expected) < 0.01 + 0.001 * abs(expected),
            f"The density of a drawn action must be that of log_prob, {expected:.4f}, but is {float(log_prob):.4f}.",
        )


def steering_draws_the_samples(subject: Subject) -> None:
    """Noises from N(0, I) lead to actions that are distributed as samples are."""
    policy = subject.learnt()
    obs, keys = entries(subject, policy)[0], jax.random.split(jax.random.key(13), _COUNT)
    noises = jax.random.normal(jax.random.key(17), (_COUNT, policy.noise_size))
    samples, steered = (
        np.asarray(actions, np.float64) for actions in (_samples(policy, obs, keys), _steered(policy, obs, noises))
    )
    center, spread = samples.mean(axis=0), samples.std(axis=0) + 1e-9
    one, other = (_directions((actions - center) / spread) for actions in (samples, steered))
    apart = max(_apart(*both) for both in zip(one.T, other.T, strict=True))
    expect(
        apart < _FURTHEST,
        f"steer must make samples of noises from N(0, I), but the distributions are {apart:.3f} apart "
        f"(the largest difference of shares below a value; at most {_FURTHEST}).",
    )


def steering_is_deterministic(subject: Subject) -> None:
    """The same noise leads to the same action, and another one to another."""
    policy = subject.learnt()
    obs, carry = entries(subject, policy)[0], policy.initial_carry()
    noises = jax.random.normal(jax.random.key(19), (8, policy.noise_size))
    first, second = (_steered(policy, obs, noises) for _ in range(2))
    eager = [policy.steer(carry, obs, noises[0]) for _ in range(2)]
    found = difference(first, second) or difference(*eager)
    expect(not found, f"steer must give the same action for the same noise, but {found} differ.")
    expect(np.ptp(first, axis=0).max() > 0, "steer must give other actions for other noises, but gives the same.")


def _directions(actions: Float[np.ndarray, "draws act"]) -> Float[np.ndarray, "draws directions"]:
    """The entries of standardized actions, and the sums and differences of neighbors, which show how they depend."""
    neighbors = actions[:, 1:], actions[:, :-1]
    return np.concatenate([actions, neighbors[0] + neighbors[1], neighbors[0] - neighbors[1]], axis=1)


def _apart(one: Float[np.ndarray, " draws"], other: Float[np.ndarray, " draws"]) -> float:
    """The largest distance of two empirical distribution functions (Kolmogorov and Smirnov)."""
    places = np.sort(np.concatenate([one, other]))
    shares = (np.searchsorted(np.sort(each), places, side="right") / len(each) for each in (one, other))
    return float(np.abs(np.subtract(*shares)).max())


@eqx.filter_jit
def _samples(policy: Policy, obs: Float[Array, " obs"], keys: Key[Array, " draws"]) -> Array:
    return jax.vmap(lambda key: policy.sample(policy.initial_carry(), obs, key=key)[1])(keys)


@eqx.filter_jit
def _steered(policy: Policy, obs: Float[Array, " obs"], noises: Float[Array, "draws noise"]) -> Array:
    return jax.vmap(lambda noise: policy.steer(policy.initial_carry(), obs, noise)[1])(noises)


CHECKS = (steering_draws_the_samples, steering_is_deterministic)
"""The checks that every policy has to pass that can be steered."""
