"""Fully connected layers whose hidden values are normalized (Ba et al., Layer Normalization, 2016)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.nn.perceptron import Layers, activate

_SMALLEST_VARIANCE = 1e-6
"""What keeps a vector of equal values finite."""


class NormedLayers(Layers):
    """Layers in which g (h - mean(h)) / std(h) + b of every hidden vector h goes through the activation.

    However far inputs lie from all that was seen, hidden values are bounded: a critic can't extrapolate without limit
    (Ball et al., Efficient Online Reinforcement Learning with Offline Data, 2023).
    """

    gains: tuple[Float[Array, "*stack _outputs"], ...]
    offsets: tuple[Float[Array, "*stack _outputs"], ...]

    @classmethod
    def of(cls, layers: Layers) -> "NormedLayers":
        """These layers, normalized, with g = 1 and b = 0."""
        hidden = layers.biases[:-1]
        gains, offsets = (tuple(map(like, hidden)) for like in (jnp.ones_like, jnp.zeros_like))
        return cls(layers.weights, layers.biases, layers.activation, gains, offsets)

    def __call__(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Applies the layers; the last one has neither a normalization nor an activation."""
        for weight, bias, gain, offset in zip(
            self.weights[:-1], self.biases[:-1], self.gains, self.offsets, strict=True
        ):
            hidden = scaled(inputs @ centered(weight) + centered(bias))
            inputs = activate(self.activation, gain * hidden + offset)
        return inputs @ self.weights[-1].T + self.biases[-1]


def centered(parameters: Float[Array, "*rows outputs"]) -> Float[Array, "*rows outputs"]:
    """The same with mean 0 along the last axis.

    mean(x W + b) = x mean(W) + mean(b): layers whose weights and biases are centered make hidden vectors of mean 0.
    That costs less than to center these, of which there are many more.
    """
    return parameters - jnp.mean(parameters, axis=-1, keepdims=True)


def scaled(hidden: Float[Array, "*batch size"]) -> Float[Array, "*batch size"]:
    """The same vectors, of mean 0, with variance 1."""
    return hidden * jax.lax.rsqrt(jnp.mean(hidden**2, axis=-1, keepdims=True) + _SMALLEST_VARIANCE)
