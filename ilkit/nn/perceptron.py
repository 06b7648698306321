"""The small networks of reinforcement learning: critics, and the actors of experts."""

from itertools import accumulate, pairwise
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Activation = Literal["tanh", "relu"]
_ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}


class Layers(eqx.Module):
    """Fully connected layers with an activation between them; any number of axes may lead."""

    weights: tuple[Float[Array, "_inputs _outputs"], ...]
    biases: tuple[Float[Array, " _outputs"], ...]
    activation: Activation = eqx.field(static=True)

    def __call__(self, inputs: Float[Array, "*batch inputs"]) -> Float[Array, "*batch outputs"]:
        """Applies the layers; the last one has no activation."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            inputs = _ACTIVATIONS[self.activation](inputs @ weight + bias)
        return inputs @ self.weights[-1] + self.biases[-1]


def build_layers(sizes: tuple[int, ...], activation: Activation, *, key: PRNGKeyArray) -> Layers:
    """Draws weights uniformly with variance 1 / inputs; those of the last layer are 0, and so are the first outputs."""
    shapes = list(pairwise(sizes))
    sizes_drawn = [inputs * outputs for inputs, outputs in shapes[:-1]]
    drawn = jax.random.uniform(key, (sum(sizes_drawn),), minval=-1.0, maxval=1.0)
    pieces = jnp.split(drawn, list(accumulate(sizes_drawn)))[:-1]
    weights = tuple(
        (3.0 / shape[0]) ** 0.5 * piece.reshape(shape) for shape, piece in zip(shapes[:-1], pieces, strict=True)
    )
    biases = tuple(jnp.zeros(size) for size in sizes[1:])
    return Layers((*weights, jnp.zeros(shapes[-1])), biases, activation)
