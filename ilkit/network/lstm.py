"""Long short-term memory (Hochreiter & Schmidhuber, 1997), with a gate that forgets (Gers et al., 2000).

i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'), each with its own W, U, b.
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.recurrent import Cell, RecurrentSpec, build_gates, build_recurrent, remembering


class LSTM(RecurrentSpec):
    """Recurrent layers that keep what they are to remember (Hochreiter & Schmidhuber, 1997)."""

    kind: Literal["lstm"] = "lstm"


State = tuple[Float[Array, " hidden"], Float[Array, " hidden"]]


class LSTMCell(Cell):
    """A layer whose gates are, one after the other, input, forget and output gate and the candidate."""

    def initial(self) -> State:
        """Zeros."""
        return jnp.zeros(self.hidden_size), jnp.zeros(self.hidden_size)

    def step(self, state: State, driven: Float[Array, " gates"]) -> State:
        """The output and the memory after a step."""
        hidden, memory = state
        given, kept, shown, candidate = jnp.split(driven + hidden @ self.recurrent_weight, 4)
        memory = jax.nn.sigmoid(kept) * memory + jax.nn.sigmoid(given) * jnp.tanh(candidate)
        return jax.nn.sigmoid(shown) * jnp.tanh(memory), memory

    def output(self, state: State) -> Float[Array, "*time hidden"]:
        """The output."""
        return state[0]


def network(spec: LSTM, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers; at first they remember for as long as a window (Tallec & Ollivier, 2018)."""
    return build_recurrent(spec, _cell, observation, out_size, key=key)


def _cell(num_inputs: int, hidden_size: int, window: int, *, key: PRNGKeyArray) -> LSTMCell:
    gates_key, memory_key = jax.random.split(key)
    weight, recurrent_weight, bias = build_gates(num_inputs, hidden_size, 4, key=gates_key)
    forget = remembering(hidden_size, window, key=memory_key)
    return LSTMCell(weight, recurrent_weight, bias.at[: 2 * hidden_size].set(jnp.concatenate([-forget, forget])))
