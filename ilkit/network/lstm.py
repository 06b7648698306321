"""Long short-term memory (Hochreiter & Schmidhuber, 1997), with a gate that forgets (Gers et al., 2000).

i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b), c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'), each with its own W, U, b.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

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


class LSTM(Spec):
    """Recurrent layers that keep what they are to remember (Hochreiter & Schmidhuber, 1997)."""

    kind: Literal["lstm"] = "lstm"
    hidden_size: PositiveInt = 64
    """The numbers that each layer puts out, and as many that it keeps."""
    num_layers: Annotated[int, Field(ge=1, le=100)] = 2
    """Layers, each on what the one below puts out."""
    window: Annotated[int, Field(ge=2, le=10_000)] = 10
    """The steps of a training window: gradients flow no farther back. When acting, the state is kept for the whole
    episode."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """A window that is longer than any episode."""
        return window_faults("window", self.window, world)


State = tuple[Float[Array, " hidden"], Float[Array, " hidden"]]


class LSTMCell(Cell):
    """A layer whose gates are, one after the other, input, forget and output gate and the candidate."""

    def initial(self) -> State:
        """Zeros."""
        return jnp.zeros(self.hidden_size), jnp.zeros(self.hidden_size)

    def step(self, state: State, driven: Float[Array, " gates"]) -> State:
        """The output and the memory after a step."""
        hidden, memory = state
        gates = driven + hidden @ self.recurrent_weight
        size = self.hidden_size
        keep = 0.5 + 0.5 * jnp.tanh(0.5 * gates[: 3 * size])  # σ
        memory = keep[size : 2 * size] * memory + keep[:size] * jnp.tanh(gates[3 * size :])
        return keep[2 * size :] * jnp.tanh(memory), memory

    def output(self, state: State) -> Float[Array, "*time hidden"]:
        """The output."""
        return state[0]


def network(spec: LSTM, observation: Space, out_size: int, *, key: PRNGKeyArray) -> Network:
    """Draws the layers; at first they remember for as long as a window (Tallec & Ollivier, 2018)."""
    readout_key, *keys = jax.random.split(key, spec.num_layers + 1)
    sizes = pairwise((observation.size, *(spec.hidden_size,) * spec.num_layers))
    cells = tuple(_cell(spec, *pair, key=key) for pair, key in zip(sizes, keys, strict=True))
    return Recurrent(cells, build_readout(spec.hidden_size, out_size, key=readout_key), observation, spec.window)


def _cell(spec: LSTM, num_inputs: int, hidden_size: int, *, key: PRNGKeyArray) -> LSTMCell:
    gates_key, memory_key = jax.random.split(key)
    weight, recurrent_weight, bias = build_gates(num_inputs, hidden_size, 4, key=gates_key)
    forget = remembering(hidden_size, spec.window, key=memory_key)
    return LSTMCell(weight, recurrent_weight, bias.at[: 2 * hidden_size].set(jnp.concatenate([-forget, forget])))
