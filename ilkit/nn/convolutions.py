"""Convolutions: layers that take a picture to fewer, deeper ones."""

import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.spaces import Box
from ilkit.errors import DataError
from ilkit.nn.perceptron import Activation, activate

Padding = Literal["valid", "same"]


class Convolutions(eqx.Module):
    """Convolutions with an activation after each, on pictures (height, width, channel)."""

    weights: tuple[Float[Array, "*stack _height _width _inputs _outputs"], ...]
    biases: tuple[Float[Array, "*stack _outputs"], ...]
    strides: tuple[int, ...] = eqx.field(static=True)
    padding: Padding = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)

    def __call__(self, picture: Float[Array, "height width channels"]) -> Float[Array, "_height _width _channels"]:
        """Applies the layers."""
        for weight, bias, stride in zip(self.weights, self.biases, self.strides, strict=True):
            found = jax.lax.conv_general_dilated(
                picture[None],
                weight,
                (stride, stride),
                self.padding.upper(),
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            )
            picture = activate(self.activation, found[0] + bias)
        return picture

    def fan_in(self) -> "Convolutions":
        """The numbers that each entry of what a layer puts out adds up, in the place of its weights; 1 of a bias."""
        sizes = tuple(math.prod(weight.shape[-4:-1]) for weight in self.weights)
        return eqx.tree_at(lambda layers: (layers.weights, layers.biases), self, (sizes, (1,) * len(sizes)))


def build_convolutions(
    num_inputs: int,
    channels: tuple[int, ...],
    kernel_sizes: tuple[int, ...],
    strides: tuple[int, ...],
    padding: Padding,
    activation: Activation,
    *,
    key: PRNGKeyArray,
) -> Convolutions:
    """Draws weights with the standard deviation √(2 / fan-in) (He et al., 2015); biases are 0."""
    keys = jax.random.split(key, len(channels))
    weights = []
    for inputs, outputs, size, key in zip((num_inputs, *channels), channels, kernel_sizes, keys, strict=False):
        shape = (size, size, inputs, outputs)
        weights.append(jax.random.normal(key, shape) * math.sqrt(2.0 / math.prod(shape[:3])))
    biases = tuple(jnp.zeros(count) for count in channels)
    return Convolutions(tuple(weights), biases, strides, padding, activation)


def convolved_size(
    name: str, picture: Box, kernel_sizes: tuple[int, ...], strides: tuple[int, ...], padding: Padding
) -> int:
    """The pixels that are left of a picture after the layers.

    **Raises:** `DataError` where a layer's kernel is larger than what the layers before have left.
    """
    height, width = picture.shape[:2]
    for index, (size, stride) in enumerate(zip(kernel_sizes, strides, strict=True)):
        if padding == "same":
            height, width = -(-height // stride), -(-width // stride)
            continue
        if size > min(height, width):
            raise DataError(
                f"network.cnn.kernel_sizes must fit into the picture {name}, {picture.shape[0]} by {picture.shape[1]} "
                f"pixels: layer {index + 1} gets {height} by {width}, and its kernel is {size} by {size}. Choose "
                "network.cnn.padding same, or fewer layers, smaller kernels or smaller strides."
            )
        height, width = (height - size) // stride + 1, (width - size) // stride + 1
    return height * width
