"""How a policy explores: additive Gaussian noise whose covariance may depend on the state."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


class Exploration(eqx.Module):
    """Noise for reinforcement: a = μ(s) + L(s) ε with ε ~ N(0, I).

    Where `average_scale` is given, the noise is rescaled so that its root mean square per action dimension,
    over all the states visited so far, is that scale: two explorations can then be compared at equal noise.
    """

    average_scale: eqx.AbstractVar[Float[Array, ""] | float | None]

    @abstractmethod
    def root(self, obs: PyTree) -> Float[Array, "act act"]:
        """L(s), a square root of the noise covariance: L Lᵀ = Σ(s)."""


class RunningSquare(NamedTuple):
    """The mean square of the noise per action dimension, over the states visited so far."""

    count: Float[Array, ""]  # type: ignore[assignment]
    mean: Float[Array, ""]

    @classmethod
    def empty(cls) -> "RunningSquare":
        """No state visited yet."""
        return cls(jnp.zeros(()), jnp.zeros(()))


def noise_roots(
    exploration: Exploration, running: RunningSquare, obs: PyTree
) -> tuple[RunningSquare, Float[Array, "batch act act"]]:
    """The roots L(s) of a batch of visited states, held at the average scale where there is one."""
    roots = jax.vmap(exploration.root)(obs)
    if exploration.average_scale is None:
        return running, roots
    size = roots.shape[-1]
    square = jnp.mean(jnp.sum(roots**2, axis=(-2, -1)) / size)
    count = running.count + 1.0
    mean = running.mean + (square - running.mean) / count
    return RunningSquare(count, mean), roots * exploration.average_scale / jnp.sqrt(jnp.maximum(mean, 1e-12))
