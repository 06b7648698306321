"""A multilayer perceptron."""

from typing import Literal

from jaxtyping import PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.perceptron import Activation, Perceptron, build_layers
from ilkit.spec import Spec


class MLP(Spec):
    """Fully connected layers with an activation between them, on the observation as one vector."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer; none makes the network linear."""
    activation: Activation = "tanh"
    """The function between the layers."""


def network(spec: MLP, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers."""
    sizes = (observation.size, *spec.hidden, out_size)
    return Perceptron(layers=build_layers(sizes, spec.activation, key=key), observation=observation)
