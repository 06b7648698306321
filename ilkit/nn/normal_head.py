"""Heads of a normal density around the network's output, within the bounds of the action space or not.

With c and h the center and half the range of the action space (mean and standard deviation where it has none),

    a = c + h x,          log π(a | s) = Σ log N(x; μ(s), σ(s)²) - Σ log h,
    a = c + h tanh(x),    log π(a | s) = Σ log N(x; μ(s), σ(s)²) - Σ log h - Σ log(1 - tanh² x)     (squashed)

(Haarnoja et al., 2018, appendix C).
"""

from abc import abstractmethod
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.nn.head import ContinuousHead


class NormalHead(ContinuousHead):
    """x ~ N(μ(s), diag σ(s)²); a = c + h x or c + h tanh(x)."""

    reparameterized: ClassVar[bool] = True

    @abstractmethod
    def distribution(self, outputs: Float[Array, " outputs"]) -> dist.Normal:
        """The distribution of x, entry by entry."""

    def mode_from(self, outputs: Float[Array, " outputs"]) -> Float[Array, " act"]:
        """The action of x = μ(s): the mode, and where squashed the median."""
        return self.units.action(self.distribution(outputs).mean)

    def sample_from(self, outputs: Float[Array, " outputs"], *, key: PRNGKeyArray) -> Float[Array, " act"]:
        """Draws an action, differentiable by μ and σ."""
        return self.units.action(self.distribution(outputs).sample(key))

    def sample_with_log_prob_from(
        self, outputs: Float[Array, " outputs"], *, key: PRNGKeyArray
    ) -> tuple[Float[Array, " act"], Float[Array, ""]]:
        """Draws an action and its log density, both differentiable: by x, which the tanh is never inverted for."""
        return self.drawn_by(outputs, jax.random.normal(key, (self.noise_size,)))

    def drawn_by(
        self, outputs: Float[Array, " outputs"], noise: Float[Array, " act"]
    ) -> tuple[Float[Array, " act"], Float[Array, ""]]:
        """The action of x = μ + σ ε and its log density."""
        distribution = self.distribution(outputs)
        raw = distribution.mean + distribution.scale * noise
        return self.units.action(raw), jnp.sum(distribution.log_prob(raw)) - self.units.log_slope(raw)

    @property
    def noise_size(self) -> int:
        """ε of x = μ + σ ε."""
        return self.spaces.action.size

    def steer_from(self, outputs: Float[Array, " outputs"], noise: Float[Array, " act"]) -> Float[Array, " act"]:
        """The action of x = μ + σ ε."""
        distribution = self.distribution(outputs)
        return self.units.action(distribution.mean + distribution.scale * noise)

    def log_prob_from(self, outputs: Float[Array, " outputs"], action: Array) -> Float[Array, ""]:
        """The log density; finite at and beyond the bounds, where it is that at a distance of 1e-6 half ranges."""
        raw = self.units.raw(action)
        return jnp.sum(self.distribution(outputs).log_prob(raw)) - self.units.log_slope(raw)
