"""Recurrent networks: layers of cells, each of which runs over the states of the one below."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree
from pydantic import Field, PositiveInt

from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.network import Network
from ilkit.data.spaces import Space
from ilkit.nn.flatten import flatten
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.nn.window import window_faults
from ilkit.spec import Spec


class RecurrentSpec(Spec):
    """The sizes of recurrent layers."""

    hidden_size: PositiveInt = 64
    """The numbers that each layer puts out."""
    num_layers: Annotated[int, Field(ge=1, le=100)] = 2
    """Layers, each on what the one below puts out."""
    window: Annotated[int, Field(ge=2, le=10_000)] = 10
    """The steps of a training window: gradients flow no farther back. When acting, the state is kept for the whole
    episode."""

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """A window that is longer than any episode."""
        return window_faults("window", self.window, world)


class Cell(eqx.Module):
    """One recurrent layer. The share of its inputs in the gates is taken at all steps at once, before time runs."""

    weight: Float[Array, "*stack inputs gates"]
    recurrent_weight: Float[Array, "*stack hidden gates"]
    bias: Float[Array, "*stack gates"]

    @property
    def hidden_size(self) -> int:
        """How many numbers the cell puts out."""
        return self.recurrent_weight.shape[-2]

    def driven(self, inputs: Float[Array, "*time inputs"]) -> Float[Array, "*time gates"]:
        """The share of the inputs in the gates; any number of axes may lead."""
        return inputs @ self.weight + self.bias

    @abstractmethod
    def initial(self) -> PyTree[Float[Array, " hidden"]]:
        """The state at the start of an episode."""

    @abstractmethod
    def step(self, state: PyTree, driven: Float[Array, " gates"]) -> PyTree[Float[Array, " hidden"]]:
        """The state after a step."""

    @abstractmethod
    def output(self, state: PyTree) -> Float[Array, "*time hidden"]:
        """What of a state the layer above sees."""

    def fan_in(self) -> "Cell":
        """The number of inputs of each matrix, in its place; 1 of a bias."""
        sizes = self.weight.shape[-2], self.recurrent_weight.shape[-2], 1
        return eqx.tree_at(lambda cell: (cell.weight, cell.recurrent_weight, cell.bias), self, sizes)


class Recurrent(Network):
    """Recurrent layers on observations as vectors, and a linear one on what the last of them puts out."""

    cells: tuple[Cell, ...]
    readout: Layers
    observation: Space = eqx.field(static=True)
    window: int = eqx.field(static=True)

    @property
    def past(self) -> int:
        """All steps of a training window but the present one."""
        return self.window - 1

    @property
    def fits_past(self) -> bool:
        """The outputs at all steps of a window are fitted."""
        return True

    def initial_carry(self) -> PyTree:
        """The state of every layer."""
        return tuple(cell.initial() for cell in self.cells)

    def __call__(self, carry: PyTree, obs: PyTree) -> tuple[PyTree, Float[Array, " outputs"]]:
        """One step of every layer."""
        inputs, after = flatten(self.observation, obs), []
        for cell, state in zip(self.cells, carry, strict=True):
            after.append(cell.step(state, cell.driven(inputs)))
            inputs = cell.output(after[-1])
        return tuple(after), self.readout(inputs)

    def unroll(self, carry: PyTree, obs: PyTree, mask: Bool[Array, " time"]) -> Float[Array, "time outputs"]:
        """Layer after layer over all steps; the state stays as it is in those that aren't in the mask."""
        inputs = flatten(self.observation, obs)
        for cell, state in zip(self.cells, carry, strict=True):
            inputs = _along(cell, state, inputs, mask)
        return self.readout(inputs)


def _along(
    cell: Cell, state: PyTree, inputs: Float[Array, "time inputs"], mask: Bool[Array, " time"]
) -> Float[Array, "time hidden"]:
    def step(state: PyTree, given: tuple[Array, Bool[Array, ""]]) -> tuple[PyTree, Float[Array, " hidden"]]:
        driven, inside = given
        after = cell.step(state, driven)
        after = jax.tree.map(lambda new, old: jnp.where(inside, new, old), after, state)
        return after, cell.output(after)

    return jax.lax.scan(step, state, (cell.driven(inputs), mask))[1]


def build_recurrent(
    spec: RecurrentSpec, build_cell: Callable[..., Cell], observation: Space, out_size: int, *, key: PRNGKeyArray
) -> Recurrent:
    """Draws the layers, each by `build_cell(num_inputs, hidden_size, window, key=key)`."""
    readout_key, *keys = jax.random.split(key, spec.num_layers + 1)
    sizes = pairwise((observation.size, *(spec.hidden_size,) * spec.num_layers))
    cells = tuple(build_cell(*pair, spec.window, key=key) for pair, key in zip(sizes, keys, strict=True))
    readout = build_layers((spec.hidden_size, out_size), "tanh", key=readout_key)
    return Recurrent(cells, readout, observation, spec.window)


def build_gates(
    num_inputs: int, hidden_size: int, num_gates: int, *, key: PRNGKeyArray
) -> tuple[Float[Array, "inputs gates"], Float[Array, "hidden gates"], Float[Array, " gates"]]:
    """Weights and biases of a cell: inputs' uniformly between ±1 / √inputs, the state's between ±1 / √hidden."""
    shapes = [(num_inputs, num_gates * hidden_size), (hidden_size, num_gates * hidden_size)]
    drawn = jax.random.uniform(key, (sum(rows for rows, _ in shapes), shapes[0][1]), minval=-1.0, maxval=1.0)
    weight = drawn[:num_inputs] / math.sqrt(num_inputs)
    return weight, drawn[num_inputs:] / math.sqrt(hidden_size), jnp.zeros(num_gates * hidden_size)


def remembering(hidden_size: int, window: int, *, key: PRNGKeyArray) -> Float[Array, " hidden"]:
    """Biases of gates that keep a state for 1 to `window` steps: log u, u ~ U(1, window) (Tallec & Ollivier, 2018)."""
    return jnp.log(jax.random.uniform(key, (hidden_size,), minval=1.0, maxval=float(window)))
