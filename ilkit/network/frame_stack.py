"""A multilayer perceptron on the last few observations: it sees how things move (Mnih et al., 2015)."""

from typing import Annotated, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.network import Network
from ilkit.data.spaces import Box, Space
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Activation, Perceptron, build_layers
from ilkit.spec import Spec


class FrameStack(Spec):
    """Fully connected layers on the last few observations, for what a single one doesn't tell (Mnih et al., 2015)."""

    kind: Literal["frame_stack"] = "frame_stack"
    num_frames: Annotated[int, Field(ge=2)] = 4
    """The observations that are seen at once; before there are as many in an episode, its first one is repeated."""
    hidden: tuple[PositiveInt, ...] = (64, 64)
    """The width of each hidden layer; none makes the network linear."""
    activation: Activation = "tanh"
    """The function between the layers."""


class Stacked(Network):
    """A network without memory on the last few observations, as one vector, the oldest first."""

    inner: Network
    observation: Space = eqx.field(static=True)
    num_frames: int = eqx.field(static=True)

    @property
    def past(self) -> int:
        """All but the present one."""
        return self.num_frames - 1

    def initial_carry(self) -> tuple[Float[Array, "past size"], Bool[Array, ""]]:
        """No frames, and that the episode hasn't begun."""
        return jnp.zeros((self.past, self.observation.size)), jnp.zeros((), bool)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """Applies the inner network to the frames that are carried and the present one."""
        frames, begun = carry
        present = flatten(self.observation, obs)
        frames = jnp.concatenate([jnp.where(begun, frames, present), present[None]])
        return (frames[1:], jnp.ones((), bool)), self.inner((), frames.ravel())[1]


def network(spec: FrameStack, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers."""
    stacked = Box(shape=(spec.num_frames * observation.size,), low=-np.inf, high=np.inf)
    layers = build_layers((stacked.size, *spec.hidden, out_size), spec.activation, key=key)
    inner = Perceptron(layers=layers, observation=stacked)
    return Stacked(inner=inner, observation=observation, num_frames=spec.num_frames)
