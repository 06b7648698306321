"""Gated recurrent units (Cho et al., 2014), in the form that takes one product with the state (Chung et al., 2014).

r, z = σ(W x + U h + b), n = tanh(W x + r ⊙ (U h + d) + b), h' = (1 - z) ⊙ n + z ⊙ h, each with its own W, U, b.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.recurrent import Cell, Recurrent, build_gates, build_readout, remembering
from ilkit.nn.window import window_faults
from ilkit.spec import Spec


class GRU(Spec):
    """Recurrent layers with gates on their one state: smaller than an LSTM of this size (Cho et al., 2014)."""

    kind: Literal["gru"] = "gru"
    hidden_size: PositiveInt = 64
    """The numbers that each layer keeps and puts out."""
    num_layers: Annotated[int, Field(ge=1, le=100)] = 2
    """Layers, each on what the one below puts out."""
    window: Annotated[int, Field(ge=2, le=10_000)] = 10
    """The steps of a training window: gradients flow no farther back. When acting, the state is kept for the whole
    episode."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """A window that is longer than any episode."""
        return window_faults("window", self.window, world)


class GRUCell(Cell):
    """A layer whose gates are, one after the other, reset gate, update gate and the candidate."""

    state_bias: Float[Array, "*stack hidden"]
    """d, of the state's share in the candidate."""

    def initial(self) -> Float[Array, " hidden"]:
        """Zeros."""
        return jnp.zeros(self.hidden_size)

    def step(self, state: Float[Array, " hidden"], driven: Float[Array, " gates"]) -> Float[Array, " hidden"]:
        """The state after a step."""
        size, recurrent = self.hidden_size, state @ self.recurrent_weight
        gates = 0.5 + 0.5 * jnp.tanh(0.5 * (driven[: 2 * size] + recurrent[: 2 * size]))  # σ
        candidate = jnp.tanh(driven[2 * size :] + gates[:size] * (recurrent[2 * size :] + self.state_bias))
        return candidate + gates[size:] * (state - candidate)

    def output(self, state: Float[Array, "*time hidden"]) -> Float[Array, "*time hidden"]:
        """The state itself."""
        return state

    def fan_in(self) -> "GRUCell":
        """As in every cell; 1 of a bias."""
        return eqx.tree_at(lambda cell: cell.state_bias, super().fan_in(), 1)


def network(spec: GRU, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers; at first they remember for as long as a window (Tallec & Ollivier, 2018)."""
    readout_key, *keys = jax.random.split(key, spec.num_layers + 1)
    sizes = pairwise((observation.size, *(spec.hidden_size,) * spec.num_layers))
    cells = tuple(_cell(spec, *pair, key=key) for pair, key in zip(sizes, keys, strict=True))
    return Recurrent(cells, build_readout(spec.hidden_size, out_size, key=readout_key), observation, spec.window)


def _cell(spec: GRU, num_inputs: int, hidden_size: int, *, key: PRNGKeyArray) -> GRUCell:
    gates_key, memory_key = jax.random.split(key)
    weight, recurrent_weight, bias = build_gates(num_inputs, hidden_size, 3, key=gates_key)
    keep = remembering(hidden_size, spec.window, key=memory_key)
    bias = bias.at[hidden_size : 2 * hidden_size].set(keep)
    return GRUCell(weight, recurrent_weight, bias, jnp.zeros(hidden_size))
