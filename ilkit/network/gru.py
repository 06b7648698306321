"""Gated recurrent units (Cho et al., 2014), in the form that takes one product with the state (Chung et al., 2014).

r, z = σ(W x + U h + b), n = tanh(W x + r ⊙ (U h + d) + b), h' = (1 - z) ⊙ n + z ⊙ h, each with its own W, U, b.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.recurrent import Cell, RecurrentSpec, build_gates, build_recurrent, remembering


class GRU(RecurrentSpec):
    """Recurrent layers with gates on their one state: smaller than an LSTM of this size (Cho et al., 2014)."""

    kind: Literal["gru"] = "gru"


class GRUCell(Cell):
    """A layer whose gates are, one after the other, reset gate, update gate and the candidate."""

    state_bias: Float[Array, "*stack hidden"]
    """d, of the state's share in the candidate."""

    def initial(self) -> Float[Array, " hidden"]:
        """Zeros."""
        return jnp.zeros(self.hidden_size)

    def step(self, state: Float[Array, " hidden"], driven: Float[Array, " gates"]) -> Float[Array, " hidden"]:
        """The state after a step."""
        of_inputs, of_state = jnp.split(driven, 3), jnp.split(state @ self.recurrent_weight, 3)
        reset, update = (jax.nn.sigmoid(one + other) for one, other in zip(of_inputs[:2], of_state[:2], strict=True))
        candidate = jnp.tanh(of_inputs[2] + reset * (of_state[2] + self.state_bias))
        return candidate + update * (state - candidate)

    def output(self, state: Float[Array, "*time hidden"]) -> Float[Array, "*time hidden"]:
        """The state itself."""
        return state

    def fan_in(self) -> "GRUCell":
        """As in every cell; 1 of a bias."""
        return eqx.tree_at(lambda cell: cell.state_bias, super().fan_in(), 1)


def network(spec: GRU, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers; at first they remember for as long as a window (Tallec & Ollivier, 2018)."""
    return build_recurrent(spec, _cell, observation, out_size, key=key)


def _cell(num_inputs: int, hidden_size: int, window: int, *, key: PRNGKeyArray) -> GRUCell:
    gates_key, memory_key = jax.random.split(key)
    weight, recurrent_weight, bias = build_gates(num_inputs, hidden_size, 3, key=gates_key)
    keep = remembering(hidden_size, window, key=memory_key)
    bias = bias.at[hidden_size : 2 * hidden_size].set(keep)
    return GRUCell(weight, recurrent_weight, bias, jnp.zeros(hidden_size))
