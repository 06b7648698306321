"""A multilayer perceptron."""

import math
from itertools import pairwise
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import PositiveInt

from ilkit.data.network import Network
from ilkit.spec import Spec

_ACTIVATIONS = {"tanh": jax.nn.tanh, "relu": jax.nn.relu, "gelu": jax.nn.gelu, "silu": jax.nn.silu}


class MLP(Spec):
    """Fully connected layers with an activation between them."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer; none makes the network linear."""
    activation: Literal["tanh", "relu", "gelu", "silu"] = "tanh"
    """The function between the layers."""


class Perceptron(eqx.Module):
    """x ↦ x W + b, layer after layer, with an activation between them."""

    weights: tuple[Float[Array, "_ _"], ...]
    """Of each layer, inputs by outputs; of the last one, outputs by inputs: its gradient takes a fifth of the time."""
    biases: tuple[Float[Array, " _"], ...]
    activation: str = eqx.field(static=True)

    def __call__(self, inputs: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Applies the layers; the last one has no activation."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs = _ACTIVATIONS[self.activation](inputs @ weight + bias)
        return inputs @ self.weights[-1].T + self.biases[-1]

    def fan_in(self) -> PyTree[int]:
        """The number of inputs of each matrix of weights; 1 of a bias."""
        sizes = (*(weight.shape[0] for weight in self.weights[:-1]), self.weights[-1].shape[1])
        return eqx.tree_at(lambda layers: (layers.weights, layers.biases), self, (sizes, (1,) * len(sizes)))


def network(spec: MLP, in_size: int, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws all weights and biases of a layer uniformly between ±1 / √inputs (LeCun et al., 1998)."""
    sizes = (in_size, *spec.hidden, out_size)
    shapes = [shape for pair in pairwise(sizes) for shape in (pair, pair[1:])]
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    # One draw for all: a draw for each shape takes several times as long to compile.
    drawn = jax.random.uniform(key, (int(ends[-1]),), minval=-1.0, maxval=1.0)
    arrays = [part.reshape(shape) for part, shape in zip(jnp.split(drawn, ends[:-1]), shapes, strict=True)]
    scaled = [array / math.sqrt(size) for array, size in zip(arrays, np.repeat(sizes[:-1], 2), strict=True)]
    *weights, last = scaled[::2]
    return Perceptron((*weights, last.T), tuple(scaled[1::2]), spec.activation)
