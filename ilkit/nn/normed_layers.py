"""Fully connected layers whose hidden values are normalized (Ba et al., Layer Normalization, 2016)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ilkit.nn.perceptron import Layers, activate

_SMALLEST_VARIANCE = 1e-6


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
            inputs = activate(self.activation, gain * normalized(inputs @ weight + bias) + offset)
        return inputs @ self.weights[-1].T + self.biases[-1]


def normalized(hidden: Float[Array, "*batch size"]) -> Float[Array, "*batch size"]:
    """The same with mean 0 and variance 1 along the last axis."""
    mean = jnp.mean(hidden, axis=-1, keepdims=True)
    square = jnp.mean(hidden**2, axis=-1, keepdims=True)
    return (hidden - mean) * jax.lax.rsqrt(jnp.maximum(square - mean**2, 0.0) + _SMALLEST_VARIANCE)
