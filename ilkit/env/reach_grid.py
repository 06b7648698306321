"""A grid of rooms in which any cell may be the start and any the goal: small enough that the optimum is known.

A step leads to the next free cell, and nothing is left to chance: with h steps left, a goal can be reached exactly if
the shortest way is no longer. What is suboptimal about a policy that reaches goals can therefore be counted, cell by
cell, as in the theory of goal-conditioned supervised learning (Ghosh et al., 2019).
"""

from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8
from pydantic import PositiveInt, model_validator

from ilkit.data.environment import Environment, GoalCells, Transition
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.math.drawing import BLUE, GRID, ORANGE, STEEL, Canvas
from ilkit.math.floor_plan import free_cells, neighbors, plan_faults, steps_between
from ilkit.spec import Spec


class ReachGrid(Spec):
    """Cells and walls, any start and any goal, nothing left to chance: what is optimal is known by search."""

    kind: Literal["reach_grid"] = "reach_grid"
    layout: tuple[str, ...] = ("#######", "#..#..#", "#.....#", "#######")
    """The plan, the top row first: # is a wall, . is free."""
    show_horizon: bool = True
    """Whether the share of the steps that are left is observed."""
    max_steps: PositiveInt = 8
    """The number of steps after which an episode is truncated."""

    @model_validator(mode="after")
    def _check_layout(self) -> "ReachGrid":
        for fault in plan_faults(self.layout):
            raise ValueError(f"layout: {fault}")
        return self


class ReachGridEnvironment(Environment):
    """States are (cell, goal, steps taken), cells counted row by row; the reward is 1 for a step that ends at the goal.

    The actions are to stay and to go up, right, down and left; whoever walks against a wall stays.
    """

    goal_reward: ClassVar[float] = 1.0
    goal_tolerance: ClassVar[float] = 0.0
    spec: ReachGrid
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    following: Int[Array, "cells 5"]
    """The cell that each action leads to."""
    places: Float[Array, "cells 2"]
    """The middle of each cell: x to the right, y upwards."""

    def reset(self, *, key: PRNGKeyArray) -> Int[Array, " 3"]:
        """Draws a cell and a goal."""
        cell, goal = jax.random.randint(key, (2,), 0, len(self.following))
        return jnp.stack([cell, goal, jnp.zeros_like(cell)])

    def step(self, state: Int[Array, " 3"], action: Array, *, key: PRNGKeyArray) -> tuple[Int[Array, " 3"], Transition]:
        """Takes a step; an episode goes on at the goal, up to the time limit."""
        del key
        cell = self.following[state[0], jnp.clip(action, 0, 4)]
        after = jnp.stack([cell, state[1], state[2] + 1])
        reward = jnp.where(cell == state[1], self.goal_reward, 0.0)
        return after, Transition(reward, jnp.zeros((), bool))

    def observe(self, state: Int[Array, " 3"]) -> dict[str, Array]:
        """The cell, twice, and the goal."""
        obs = {"observation": state[0], ACHIEVED: state[0], DESIRED: state[1]}
        left = 1.0 - state[2:].astype(jnp.float32) / self.max_steps
        return obs | ({STEPS_LEFT: left} if self.spec.show_horizon else {})

    def position(self, obs: dict[str, Array]) -> Float[Array, " 2"]:
        """The middle of the cell."""
        return self.places[obs[ACHIEVED]]

    def least_steps(
        self, starts: Int[np.ndarray, " pairs"], goals: Int[np.ndarray, " pairs"]
    ) -> Float[np.ndarray, " pairs"]:
        """The steps of the shortest way; one to stay where one is."""
        steps = steps_between(free_cells(self.spec.layout))
        return np.maximum(steps[starts, goals], 1).astype(float)

    def goal_cells(self) -> GoalCells:
        """The cells of the plan."""
        rows, columns = len(self.spec.layout), len(self.spec.layout[0])
        return GoalCells(rows, columns, (0.0, float(columns), 0.0, float(rows)))

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The plan."""
        canvas = self._canvas(height)
        reach = canvas.pixel * len(canvas.x[0])
        return canvas.picture(), (0.0, reach, 0.0, canvas.pixel * height)

    def frame(self, state: Int[Array, " 3"], height: int) -> UInt8[Array, "height width 3"]:
        """The cell and the goal on the plan."""
        canvas, here, goal = self._canvas(height), self.places[state[0]], self.places[state[1]]
        canvas = canvas.paint(canvas.box((goal[0], goal[1]), 0.8, 0.8, corner=0.1), ORANGE)
        return canvas.paint(canvas.disk((here[0], here[1]), 0.3), BLUE).picture()

    def _canvas(self, height: int) -> Canvas:
        rows, columns = float(len(self.spec.layout)), float(len(self.spec.layout[0]))
        pixel = rows / height
        width = round(columns / pixel)
        canvas = Canvas.blank(height, width, center=(pixel * width / 2, rows / 2), pixel=pixel)
        canvas = canvas.paint(canvas.box((columns / 2, rows / 2), columns, rows), STEEL)
        for x, y in _middles(self.spec):
            canvas = canvas.paint(canvas.box((float(x), float(y)), 0.94, 0.94), GRID)
        return canvas


def _middles(spec: ReachGrid) -> Float[np.ndarray, "cells 2"]:
    row, column = np.argwhere(free_cells(spec.layout)).T
    return np.stack([column + 0.5, len(spec.layout) - row - 0.5], axis=1).astype(np.float32)


def env(spec: ReachGrid) -> Environment:
    """Builds the grid."""
    following = neighbors(free_cells(spec.layout))
    cells = Discrete(size=len(following))
    shown = ((STEPS_LEFT, Box(shape=(1,), low=0.0, high=1.0)),) if spec.show_horizon else ()
    entries = (("observation", cells), (ACHIEVED, cells), (DESIRED, cells), *shown)
    return ReachGridEnvironment(
        spec=spec,
        spaces=Spaces(observation=Dict(entries=entries), action=Discrete(size=5)),
        max_steps=spec.max_steps,
        following=jnp.asarray(following, jnp.int32),
        places=jnp.asarray(_middles(spec)),
    )
