"""Fully connected layers: of policies, critics and experts."""

import math
from itertools import accumulate, pairwise
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.flatten import flatten

Activation = Literal["tanh", "relu", "gelu", "silu"]
_ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "gelu": jax.nn.gelu, "silu": jax.nn.silu}


def activate(activation: Activation, numbers: Float[Array, "*batch size"]) -> Float[Array, "*batch size"]:
    """Applies the function of this name, entry by entry."""
    return _ACTIVATIONS[activation](numbers)


class Layers(eqx.Module):
    """x ↦ x W + b, layer after layer, with an activation between them; any number of axes may lead."""

    weights: tuple[Float[Array, "*stack _ _"], ...]
    """Of each layer, inputs by outputs; of the last one, outputs by inputs: a step of cloning takes 7 % less."""
    biases: tuple[Float[Array, "*stack _outputs"], ...]
    activation: Activation = eqx.field(static=True)

    def __call__(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Applies the layers; the last one has no activation."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs = activate(self.activation, inputs @ weight + bias)
        return inputs @ self.weights[-1].T + self.biases[-1]

    def fan_in(self) -> "Layers":
        """The number of inputs of each matrix of weights, in its place; 1 of a bias."""
        sizes = (*(weight.shape[-2] for weight in self.weights[:-1]), self.weights[-1].shape[-1])
        return eqx.tree_at(lambda layers: (layers.weights, layers.biases), self, (sizes, (1,) * len(sizes)))


class Perceptron(Network):
    """Layers on an observation as one vector."""

    layers: Layers
    observation: Space = eqx.field(static=True)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the layers."""
        return carry, self.layers(flatten(self.observation, obs))


def build_layers(sizes: tuple[int, ...], activation: Activation, *, key: PRNGKeyArray) -> Layers:
    """Draws all weights and biases of a layer uniformly between ±1 / √inputs (LeCun et al., 1998)."""
    shapes = [shape for pair in pairwise(sizes) for shape in (pair, pair[1:])]
    ends = list(accumulate(math.prod(shape) for shape in shapes))
    # One draw for all: a draw for each shape takes several times as long to compile.
    drawn = jax.random.uniform(key, (ends[-1],), minval=-1.0, maxval=1.0)
    arrays = [part.reshape(shape) for part, shape in zip(jnp.split(drawn, ends[:-1]), shapes, strict=True)]
    scaled = [array / math.sqrt(sizes[index // 2]) for index, array in enumerate(arrays)]
    *weights, last = scaled[::2]
    return Layers((*weights, last.T), tuple(scaled[1::2]), activation)


def build_silent_layers(sizes: tuple[int, ...], activation: Activation, *, key: PRNGKeyArray) -> Layers:
    """Layers whose outputs are 0 at first: weights of variance 1 / inputs, no biases, and a last layer of zeros."""
    drawn = build_layers(sizes, activation, key=key)
    weights = (*(math.sqrt(3.0) * weight for weight in drawn.weights[:-1]), jnp.zeros_like(drawn.weights[-1]))
    return Layers(weights, tuple(jnp.zeros_like(bias) for bias in drawn.biases), activation)
