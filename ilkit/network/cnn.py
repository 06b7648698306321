"""A convolutional network on pictures (LeCun et al., 1989).

By default the layers of Bojarski et al., End to End Learning for Self-Driving Cars, 2016, who steer by pictures of
66 by 200 pixels. Pixels of whole numbers are scaled to -1 to 1. What is observed beside pictures joins after the
convolutions.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import PositiveInt, model_validator

from ilkit.data.network import Network
from ilkit.data.spaces import Box, Dict, Space, described
from ilkit.errors import DataError
from ilkit.nn.convolutions import Convolutions, Padding, build_convolutions, convolved_size
from ilkit.nn.flatten import flatten, scaled
from ilkit.nn.perceptron import Activation, Layers, build_layers
from ilkit.spec import Spec


class CNN(Spec):
    """Convolutions of pictures, then fully connected layers, which vectors join (Bojarski et al., 2016)."""

    kind: Literal["cnn"] = "cnn"
    channels: tuple[PositiveInt, ...] = (24, 36, 48, 64, 64)
    """The channels that each convolution puts out."""
    kernel_sizes: tuple[PositiveInt, ...] = (5, 5, 5, 3, 3)
    """The height and width of each kernel."""
    strides: tuple[PositiveInt, ...] = (2, 2, 2, 1, 1)
    """The pixels from one place of a kernel to the next."""
    padding: Padding = "valid"
    """Whether kernels stay inside of the picture, or the picture is padded with zeros to keep its size over the
    stride."""
    hidden: tuple[PositiveInt, ...] = (100, 50, 10)
    """The width of each fully connected layer between the convolutions and the outputs."""
    activation: Activation = "relu"
    """The function after each layer but the last."""

    @model_validator(mode="after")
    def _check_lengths(self) -> "CNN":
        if not len(self.channels) == len(self.kernel_sizes) == len(self.strides) > 0:
            raise ValueError(
                "channels, kernel_sizes and strides must have an entry for each convolution, got "
                f"{len(self.channels)}, {len(self.kernel_sizes)} and {len(self.strides)}"
            )
        return self


class Convolutional(Network):
    """Convolutions of each picture, and fully connected layers on what they put out and on all that is no picture."""

    convolutions: dict[str, Convolutions]
    """Those of each picture; of an observation that is one, under the empty name."""
    layers: Layers
    observation: Space = eqx.field(static=True)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the layers."""
        given = obs if isinstance(self.observation, Dict) else {"": obs}
        parts = []
        for name, space in _entries(self.observation):
            if isinstance(space, Box) and name in self.convolutions:
                parts.append(self.convolutions[name](_centered(space, given[name])).ravel())
            else:
                parts.append(flatten(space, given[name]))
        return carry, self.layers(jnp.concatenate(parts))


def network(spec: CNN, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers.

    **Raises:** `DataError` where nothing that is observed is a picture, or one is too small for the kernels.
    """
    entries = _entries(observation)
    pictures = {name: space for name, space in entries if isinstance(space, Box) and len(space.shape) == 3}
    if not pictures:
        raise DataError(
            "network.kind cnn needs a picture in the observation, a box of height, width and channels, got "
            f"{described(observation)}. Choose network.kind mlp, or give a picture without channels an axis for one."
        )
    layers_key, *keys = jax.random.split(key, 1 + len(pictures))
    shape = (spec.kernel_sizes, spec.strides, spec.padding)
    sizes = [
        spec.channels[-1] * convolved_size(name or "observed", pictures[name], *shape)
        if name in pictures
        else space.size
        for name, space in entries
    ]
    return Convolutional(
        convolutions={
            name: build_convolutions(picture.shape[-1], spec.channels, *shape, spec.activation, key=key)
            for (name, picture), key in zip(pictures.items(), keys, strict=True)
        },
        layers=build_layers((sum(sizes), *spec.hidden, out_size), spec.activation, key=layers_key),
        observation=observation,
    )


def _entries(space: Space) -> tuple[tuple[str, Space], ...]:
    return space.entries if isinstance(space, Dict) else (("", space),)


def _centered(space: Box, picture: Array) -> Float[Array, "height width channels"]:
    return picture if space.is_floating else 2.0 * scaled(space, picture) - 1.0
