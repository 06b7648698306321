"""A grid of cells with walls, in which a step goes in one of four directions, and slips with some probability.

A step that slips goes off at a right angle, to the left or to the right of what was wanted; into a wall or over the
edge there is no way. What an action earns is that of the cell it is done in. In a cell that ends the episode any action
does so, after it was paid. All probabilities are known: `tabular` gives them, and the demonstrator follows from them.
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8
from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    PositiveFloat,
    PositiveInt,
    WithJsonSchema,
    model_validator,
)

from ilkit.data.environment import Environment, Transition
from ilkit.data.policy import Policy
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.data.tabular import Tabular
from ilkit.math.drawing import BLUE, GREEN, GRID, INK, PAPER, RED, Canvas
from ilkit.math.maximum_entropy import soft_values
from ilkit.nn.state_table import StateTable
from ilkit.nn.tabular_policy import TabularPolicy
from ilkit.spec import Spec

WALL, START = "#", "S"
"""What walls and starts are in a layout."""
RIGHT, UP, LEFT, DOWN = range(4)
"""The directions, each a quarter turn counterclockwise from the last, and the actions where none are exchanged."""
_EXCHANGED = {
    "none": (RIGHT, UP, LEFT, DOWN),
    "left_right": (LEFT, UP, RIGHT, DOWN),
    "up_down": (RIGHT, DOWN, LEFT, UP),
    "both": (LEFT, DOWN, RIGHT, UP),
}

Earnings = Annotated[
    tuple[tuple[str, float], ...],
    BeforeValidator(lambda given: tuple(sorted(given.items())) if isinstance(given, dict) else given),
    PlainSerializer(dict),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "number"}}),
]
"""Rewards by the character of a cell; a mapping in `params.yaml`."""


class GridWorld(Spec):
    """A grid with walls and slippery steps, all of whose probabilities are known: for tables, and to look into."""

    kind: Literal["grid_world"] = "grid_world"
    layout: Annotated[tuple[str, ...], Field(min_length=1)] = ("......", ".####.", "......", "SXXXXG")
    """The rows of the grid from above, a character a cell: # is a wall, S a start, all others free. Without an S an
    episode starts in any free cell that doesn't end it."""
    rewards: Earnings = (("G", 1.0), ("X", -3.0))
    """What a step from a cell earns, by its character; 0 where it isn't among them."""
    ends: str = ""
    """The characters of the cells that end an episode, by any action and after it was paid."""
    slip: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The probability that a step goes off at a right angle, half of it to each side."""
    exchanged: Literal["none", "left_right", "up_down", "both"] = "none"
    """Which of the directions right, up, left, down (actions 0 to 3) lead the opposite way."""
    observed: Literal["cell", "position"] = "cell"
    """What a policy sees: a 1 in the place of its cell among zeros, or the column and the row, from 0 to 1."""
    temperature: PositiveFloat = 0.5
    """How random the demonstrator is: it is the best policy for rewards over this, and entropy; towards 0, the best."""
    max_steps: PositiveInt = 20
    """The number of steps after which an episode is truncated."""

    @model_validator(mode="after")
    def _check(self) -> "GridWorld":
        widths = {len(row) for row in self.layout}
        if len(widths) > 1 or widths == {0}:
            raise ValueError(f"layout must have rows of one length, got lengths {sorted(widths)}")
        there = set("".join(self.layout))
        if not there - {WALL} - set(self.ends):
            raise ValueError("layout must have a free cell that doesn't end an episode, got none")
        lost = sorted({name for name, _ in self.rewards} - there) + sorted(set(self.ends) - there)
        if lost or WALL in {name for name, _ in self.rewards} or START in self.ends or WALL in self.ends:
            what = f"{lost[0]!r}, which no cell has" if lost else f"{WALL!r} or {START!r} where they can't be"
            raise ValueError(f"rewards and ends must be those of characters of the layout, got {what}")
        return self


class GridWorldEnvironment(Environment):
    """The state is the number of the cell, row by row from above."""

    spec: GridWorld
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    moves: Int[Array, "cells directions"]
    """The cell that each direction leads to."""
    rewards: Float[Array, " cells"]
    ends: Bool[Array, " cells"]
    starts: Float[Array, " cells"]
    """The probability that an episode starts there."""
    observations: Float[Array, "cells entries"]

    def reset(self, *, key: PRNGKeyArray) -> Int[Array, ""]:
        """Starts in one of the starts, as likely as in any other."""
        return jax.random.choice(key, len(self.starts), p=self.starts).astype(jnp.int32)

    def step(self, state: Int[Array, ""], action: Array, *, key: PRNGKeyArray) -> tuple[Int[Array, ""], Transition]:
        """Goes on in a direction, or slips; who ends the episode stays where it is."""
        slips_key, side_key = jax.random.split(key)
        slips = jax.random.bernoulli(slips_key, self.spec.slip)
        turn = jnp.where(slips, jnp.where(jax.random.bernoulli(side_key), 1, -1), 0)
        direction = (self._directions[jnp.clip(action, 0, 3)] + turn) % 4
        after = jnp.where(self.ends[state], state, self.moves[state, direction])
        return after, Transition(self.rewards[state], self.ends[state])

    def observe(self, state: Int[Array, ""]) -> Float[Array, " entries"]:
        """What is observed of a cell."""
        return self.observations[state]

    def state_of(self, obs: Float[Array, " entries"]) -> Int[Array, ""]:
        """The cell that observes this."""
        return StateTable.of(self.spaces.observation, self.observations)(obs)

    def tabular(self) -> Tabular:
        """The tables; where cells end an episode, with the state that follows a termination."""
        slip, onto = self.spec.slip, jax.nn.one_hot(self.moves, len(self.moves))
        slipped = (jnp.roll(onto, 1, axis=1) + jnp.roll(onto, -1, axis=1)) / 2
        transitions = ((1.0 - slip) * onto + slip * slipped)[:, self._directions]
        rewards = jnp.broadcast_to(self.rewards[:, None], (len(self.moves), 4))
        if not self.spec.ends:
            return Tabular(transitions, rewards, self.starts, self.observations, self.max_steps)
        over = jnp.zeros(len(self.moves) + 1).at[-1].set(1.0)
        transitions = jnp.pad(transitions, ((0, 1), (0, 0), (0, 1)))
        ended = jnp.append(self.ends, True)[:, None, None]
        return Tabular(
            jnp.where(ended, over, transitions),
            jnp.pad(rewards, ((0, 1), (0, 0))),
            jnp.pad(self.starts, (0, 1)),
            self.observations,
            self.max_steps,
        )

    def demonstrator(self) -> Policy:
        """The policy with the largest return over the temperature, and causal entropy, within the time limit."""
        transitions, rewards, *_, horizon = self.tabular()
        logits = soft_values(transitions, rewards / self.spec.temperature, horizon).log_policy
        table = StateTable.of(self.spaces.observation, self.observations)
        return TabularPolicy.of(self.spaces, table, logits[:, : len(self.moves)])

    def position(self, obs: Float[Array, " entries"]) -> Float[Array, " 2"]:
        """The middle of the cell, a cell being 1 wide; the lowest on the left is at (0, 0)."""
        return self._place(self.state_of(obs))

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The cells, with gains in green, losses in red and walls dark."""
        rows, columns = self._shape
        return self._canvas(height).picture(), (-0.5, columns - 0.5, -0.5, rows - 0.5)

    def frame(self, state: Int[Array, ""], height: int) -> UInt8[Array, "height width 3"]:
        """Who goes there, in the grid."""
        canvas = self._canvas(height)
        x, y = self._place(state)
        return canvas.paint(canvas.disk((x, y), 0.3), BLUE).picture()

    @property
    def _directions(self) -> Int[Array, " actions"]:
        return jnp.asarray(_EXCHANGED[self.spec.exchanged])

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self.spec.layout), len(self.spec.layout[0])

    def _place(self, state: Int[Array, ""]) -> Float[Array, " 2"]:
        rows, columns = self._shape
        return jnp.stack([state % columns, rows - 1 - state // columns]).astype(jnp.float32)

    def _canvas(self, height: int) -> Canvas:
        rows, columns = self._shape
        center, pixel = ((columns - 1) / 2, (rows - 1) / 2), rows / height
        canvas = Canvas.blank(height, round(height * columns / rows), center=center, pixel=pixel)
        canvas = canvas.paint(canvas.box(center, float(columns), float(rows)), GRID)
        largest = max((abs(reward) for _, reward in self.spec.rewards), default=1.0) or 1.0
        earned = dict(self.spec.rewards)
        for cell, character in enumerate("".join(self.spec.layout)):
            square = canvas.box(tuple(self._place(jnp.asarray(cell))), 0.92, 0.92)
            reward = earned.get(character, 0.0)
            canvas = canvas.paint(square, INK if character == WALL else PAPER)
            canvas = canvas.paint(square, GREEN if reward > 0 else RED, 0.8 * abs(reward) / largest)
        return canvas


def env(spec: GridWorld) -> Environment:
    """Builds the grid."""
    characters = np.asarray([list(row) for row in spec.layout])
    cells, free = characters.ravel(), (characters != WALL).ravel()
    ends = np.isin(cells, list(spec.ends))
    starts = (cells == START) if START in cells else free & ~ends
    observations = np.eye(len(cells)) if spec.observed == "cell" else _positions(characters.shape)
    return GridWorldEnvironment(
        spec=spec,
        spaces=Spaces(observation=Box(shape=(observations.shape[1],), low=0.0, high=1.0), action=Discrete(size=4)),
        max_steps=spec.max_steps,
        moves=jnp.asarray(_moves(free.reshape(characters.shape)), jnp.int32),
        rewards=jnp.asarray([dict(spec.rewards).get(one, 0.0) for one in cells], jnp.float32),
        ends=jnp.asarray(ends),
        starts=jnp.asarray(starts / starts.sum(), jnp.float32),
        observations=jnp.asarray(observations, jnp.float32),
    )


def _moves(free: Bool[np.ndarray, "rows columns"]) -> Int[np.ndarray, "cells directions"]:
    """The cell that each direction leads to: the next one, or where that is none, the same."""
    rows, columns = free.shape
    row, column = np.divmod(np.arange(free.size), columns)
    found = []
    for down, right in ((0, 1), (-1, 0), (0, -1), (1, 0)):
        next_row, next_column = np.clip(row + down, 0, rows - 1), np.clip(column + right, 0, columns - 1)
        there = free[next_row, next_column] & free[row, column]
        found.append(np.where(there, next_row * columns + next_column, np.arange(free.size)))
    return np.stack(found, axis=1)


def _positions(shape: tuple[int, ...]) -> Float[np.ndarray, "cells 2"]:
    """The column from the left and the row from below of each cell, from 0 to 1."""
    rows, columns = shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    return np.stack([column / max(columns - 1, 1), (rows - 1 - row) / max(rows - 1, 1)], axis=1)
