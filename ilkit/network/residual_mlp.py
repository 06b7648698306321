"""A residual network of fully connected layers with activations before them (He et al., 2016).

x ↦ x + W₂ d(φ(W₁ d(φ(x)))), block after block, d being dropout: the network of Florence et al., Implicit Behavioral
Cloning, 2021, where weights and biases are drawn from N(0, 0.05²).
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field, PositiveFloat, PositiveInt

from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.dropout import Dropout, Rate, build_dropout
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Activation, Layers, activate, build_layers
from ilkit.spec import Spec


class ResidualMLP(Spec):
    """Blocks of two fully connected layers, each of which adds to what went in (Florence et al., 2021)."""

    kind: Literal["residual_mlp"] = "residual_mlp"
    width: PositiveInt = 256
    """The width of every layer."""
    num_blocks: Annotated[int, Field(ge=0, le=1000)] = 2
    """Blocks, between a layer in and a layer out."""
    activation: Activation = "relu"
    """The function before the layers of a block."""
    dropout: Rate = None
    """The probability with which, in training, a number that goes into a layer of a block is left out."""
    initial_scale: PositiveFloat | None = None
    """The standard deviation of weights and biases at first (Florence et al. take 0.05); by default they are uniform
    between ±1 / √inputs."""


class ResidualPerceptron(Network):
    """A layer in, blocks of two, and a layer out."""

    entrance: Layers
    blocks: tuple[tuple[Layers, Layers], ...]
    exit: Layers
    dropout: Dropout
    observation: Space = eqx.field(static=True)
    activation: Activation = eqx.field(static=True)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the layers."""
        numbers = self.entrance(flatten(self.observation, obs))
        for block, layers in enumerate(self.blocks):
            inner = numbers
            for half, layer in enumerate(layers):
                inner = layer(self.dropout(2 * block + half, activate(self.activation, inner)))
            numbers = numbers + inner
        return carry, self.exit(numbers)

    def dropped(self, *, key: PRNGKeyArray) -> "ResidualPerceptron":
        """The same with what is left out drawn."""
        width = self.entrance.biases[0].shape[-1]
        drawn = self.dropout.drawn(2 * len(self.blocks), width, key=key)
        return eqx.tree_at(lambda net: net.dropout, self, drawn)


def network(spec: ResidualMLP, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers."""
    in_key, out_key, *keys = jax.random.split(key, 2 + 2 * spec.num_blocks)
    inside = [_layer(spec, spec.width, spec.width, key=key) for key in keys]
    return ResidualPerceptron(
        entrance=_layer(spec, observation.size, spec.width, key=in_key),
        blocks=tuple(zip(inside[::2], inside[1::2], strict=True)),
        exit=_layer(spec, spec.width, out_size, key=out_key),
        dropout=build_dropout(spec.dropout),
        observation=observation,
        activation=spec.activation,
    )


def _layer(spec: ResidualMLP, num_inputs: int, num_outputs: int, *, key: PRNGKeyArray) -> Layers:
    layer = build_layers((num_inputs, num_outputs), spec.activation, key=key)
    if spec.initial_scale is None:
        return layer
    drawn = jax.random.normal(key, (num_inputs + 1, num_outputs)) * jnp.asarray(spec.initial_scale)
    return Layers((drawn[:-1].T,), (drawn[-1],), spec.activation)
