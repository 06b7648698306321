"""Keeping the outputs of a critic near mean 0 and variance 1, whatever the scale of the rewards.

Pop-Art (van Hasselt et al., 2016): values are V = mean + std · critic(s) with the running mean and std of the critic's
targets, and whenever these change the last layer is changed such that V stays the same everywhere. Targets are added
before a critic learns from them: on the scale of a thousand zeros the first reward would be a million units.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.nn.perceptron import Layers

_SLOWEST = 0.05
"""The least weight of the newest targets, so that statistics follow a policy that gets better."""
_NARROWEST = 0.01
"""The least standard deviation, in units of the largest target, so that none is more than 100 of them from 0."""


class ValueScale(NamedTuple):
    """Running statistics of a critic's targets."""

    mean: Float[Array, ""]
    square: Float[Array, ""]
    """The mean of the squares."""
    largest: Float[Array, ""]
    """The largest size of a target; it fades as fast as the rest."""
    updates: Float[Array, ""]

    @classmethod
    def empty(cls) -> "ValueScale":
        """The scale 1, about 0, that the first targets replace."""
        return cls(jnp.zeros(()), jnp.ones(()), jnp.zeros(()), jnp.zeros(()))

    @property
    def std(self) -> Float[Array, ""]:
        """The standard deviation; at least 1 % of the largest target, so that equal and rare ones aren't blown up."""
        smallest = _NARROWEST * self.largest + 1e-6
        return jnp.maximum(jnp.sqrt(jnp.maximum(self.square - self.mean**2, 0.0)), smallest)

    def add(self, targets: Float[Array, "*batch"]) -> "ValueScale":
        """Takes targets in, before they are standardized."""
        rate = jnp.maximum(1.0 / (self.updates + 1.0), _SLOWEST)
        mean = self.mean + rate * (jnp.mean(targets) - self.mean)
        square = self.square + rate * (jnp.mean(targets**2) - self.square)
        largest = jnp.maximum(jnp.max(jnp.abs(targets)), (1.0 - rate) * self.largest)
        return ValueScale(mean, square, largest, self.updates + 1.0)

    def standardize(self, values: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """From the units of returns to those of the critic."""
        return (values - self.mean) / self.std

    def values(self, outputs: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """From the units of the critic to those of returns."""
        return self.mean + self.std * outputs


def preserve_values(critic: Layers, old: ValueScale, new: ValueScale) -> Layers:
    """The critic whose values on the new scale are those that `critic` has on the old one."""
    weight = critic.weights[-1] * old.std / new.std
    bias = (old.std * critic.biases[-1] + old.mean - new.mean) / new.std
    return eqx.tree_at(lambda layers: (layers.weights[-1], layers.biases[-1]), critic, (weight, bias))
