"""A multilayer perceptron."""

from typing import Literal

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray
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
    """Linear layers with an activation between them."""

    layers: tuple[eqx.nn.Linear, ...]
    activation: str = eqx.field(static=True)

    def __call__(self, inputs: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """Applies the layers; the last one has no activation."""
        *hidden, last = self.layers
        for layer in hidden:
            inputs = _ACTIVATIONS[self.activation](layer(inputs))
        return last(inputs)


def network(spec: MLP, in_size: int, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Builds the layers, with the initialization of `equinox.nn.Linear`."""
    sizes = (in_size, *spec.hidden, out_size)
    keys = jax.random.split(key, len(sizes) - 1)
    layers = tuple(
        eqx.nn.Linear(inputs, outputs, key=layer_key)
        for inputs, outputs, layer_key in zip(sizes[:-1], sizes[1:], keys, strict=True)
    )
    return Perceptron(layers, spec.activation)
