"""A diver drifts left or right on the way down; one of 2^N ways leads to the treasure (Osband et al., 2019).

Each step of the right way costs a little, so that whoever learns from small rewards turns back, and noise on actions
finds the treasure about once in 2^N episodes: only who explores deeply, the same idea for a whole episode, finds it.
Which of the two actions leads to the right is drawn for each cell.
"""

from typing import Annotated, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Int8, PRNGKeyArray, PyTree, UInt8
from pydantic import Field, NonNegativeFloat, NonNegativeInt

from ilkit.data.environment import Environment, Transition
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.math.drawing import BLUE, GRID, ORANGE, STEEL, Canvas
from ilkit.spec import Spec


class DeepSea(Spec):
    """A grid in which one of 2^N ways leads to the reward: deep exploration finds it, dithering doesn't."""

    kind: Literal["deep_sea"] = "deep_sea"
    size: Annotated[int, Field(ge=2, le=100)] = 10
    """N: the rows and columns of the grid, and the steps of an episode."""
    move_cost: NonNegativeFloat = 0.01
    """What N steps to the right cost; the treasure is worth 1."""
    mapping_seed: NonNegativeInt = 42
    """The seed by which the action that leads to the right is drawn for each cell."""


class SeaState(NamedTuple):
    """Where the diver is: row 0 is the surface, row N the ground, where the episode has ended."""

    row: Int[Array, ""]
    column: Int[Array, ""]


class DeepSeaEnvironment(Environment):
    """The observation is the grid with a 1 where the diver is; on the ground there are zeros alone.

    The reward is -move_cost / N for a step to the right, and 1 for one from the lowest cell on the right.
    """

    goal_reward: ClassVar[float] = 1.0
    spec: DeepSea
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    rightwards: Int[Array, "size size"]
    """The action that leads to the right, by row and column."""

    def reset(self, *, key: PRNGKeyArray) -> SeaState:
        """Starts on the left of the surface."""
        del key
        return SeaState(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))

    def step(self, state: SeaState, action: Array, *, key: PRNGKeyArray) -> tuple[SeaState, Transition]:
        """Sinks by a row, to the left or to the right; there is no way through the walls."""
        del key
        last = self.spec.size - 1
        right = action == self.rightwards[jnp.minimum(state.row, last), state.column]
        found = right & (state.column == last)
        reward = found.astype(jnp.float32) - right * (self.spec.move_cost / self.spec.size)
        column = jnp.clip(state.column + jnp.where(right, 1, -1), 0, last)
        return SeaState(state.row + 1, column), Transition(reward, state.row >= last)

    def observe(self, state: SeaState) -> Int8[Array, " cells"]:
        """The grid, row by row."""
        rows = jnp.arange(self.spec.size)
        return ((rows[:, None] == state.row) & (rows == state.column)).astype(jnp.int8).reshape(-1)

    def demonstrator(self) -> Policy:
        """Goes to the right in every cell."""
        normalizer = Normalizer.identity(self.spaces.observation)
        return DivingPolicy(normalizer=normalizer, actions=self.rightwards.reshape(-1), spaces=self.spaces)

    def frame(self, state: SeaState, height: int) -> UInt8[Array, "height width 3"]:
        """The diver in the grid, and the treasure."""
        size = float(self.spec.size)
        canvas = Canvas.blank(height, height, center=(size / 2, -size / 2), pixel=(size + 1.0) / height)
        canvas = canvas.paint(canvas.box((size / 2, -size / 2), size, size), GRID)
        canvas = canvas.paint(canvas.rod((0.5, -0.5), (size - 0.5, 0.5 - size), 0.05), STEEL)
        canvas = canvas.paint(canvas.box((size - 0.5, 0.5 - size), 0.8, 0.5, corner=0.1), ORANGE)
        return canvas.paint(canvas.disk((state.column + 0.5, -state.row - 0.5), 0.35), BLUE).picture()


class DivingPolicy(Policy):
    """Takes the action of the cell that is observed."""

    normalizer: Normalizer
    actions: Int[Array, " cells"]
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: Int8[Array, " cells"]) -> tuple[PyTree, Int[Array, ""]]:
        """The action that leads to the right."""
        return carry, self.actions[jnp.argmax(obs)]


def env(spec: DeepSea) -> Environment:
    """Builds the grid."""
    cells = spec.size**2
    observation = Box(shape=(cells,), low=0.0, high=1.0, dtype="int8")
    drawn = np.random.RandomState(spec.mapping_seed).binomial(1, 0.5, (spec.size,) * 2)  # the cells of bsuite
    return DeepSeaEnvironment(
        spec=spec,
        spaces=Spaces(observation=observation, action=Discrete(size=2)),
        max_steps=spec.size,
        rightwards=jnp.asarray(drawn, jnp.int32),
    )
