"""Waypoints: the shortest way through a maze, from the middle of one cell to the middle of the next.

a = (w - x) / speed, shortened to length 1, where w is the middle of the next cell, or the goal in its own cell
"""

from collections.abc import Iterator
from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ilkit.data.build import Build
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.maze import Maze, MazeForm
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.errors import refuse
from ilkit.math.shortest_ways import next_cells
from ilkit.spec import Spec


class Waypoints(Spec):
    """The shortest way through a maze to the goal, cell by cell."""

    kind: Literal["waypoints"] = "waypoints"

    def faults(self, world: Environment | HostEnvironment) -> Iterator[str]:
        """An environment that is no maze."""
        if not isinstance(world, MazeForm):
            yield "env: must be a maze, for there is a plan of its ways, got none. Choose env.kind point_maze."


class WaypointsPolicy(Policy):
    """Goes to the middle of the next cell on the way, in the goal's own cell to the goal."""

    following: Int[Array, "cells cells"]
    """The next cell on the way from each to each."""
    middles: Float[Array, "cells 2"]
    numbers: Int[Array, "rows columns"]
    """The number of each free cell, the lowest row first; 0 where there is a wall."""
    corner: Float[Array, " 2"]
    cell_size: Float[Array, ""]
    speed: Float[Array, ""]
    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry: PyTree, obs: dict[str, Array]) -> tuple[PyTree, Float[Array, " 2"]]:
        """Goes on on the way; the longest action has length 1, in any direction."""
        place, goal = obs[ACHIEVED], obs[DESIRED]
        here, there = self._number(place), self._number(goal)
        aim = jnp.where(here == there, goal, self.middles[self.following[here, there]])
        way = (aim - place) / self.speed
        return carry, way / jnp.maximum(jnp.linalg.norm(way), 1.0)

    def _number(self, place: Float[Array, " 2"]) -> Int[Array, ""]:
        column, row = jnp.floor((place - self.corner) / self.cell_size).astype(jnp.int32)
        return self.numbers[row, column]


def expert(spec: Waypoints, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Policy:
    """Plans all ways through the maze.

    **Raises:** `DataError` where the environment is no maze.
    """
    del key
    world = env()
    refuse("expert.waypoints", spec.faults(world))
    assert isinstance(world, MazeForm)
    return policy_of(world.maze(), world.spaces)


def policy_of(maze: Maze, spaces: Spaces) -> WaypointsPolicy:
    """The policy that goes the shortest ways through a maze."""
    return WaypointsPolicy(
        following=jnp.asarray(next_cells(maze.free, maze.avoided), jnp.int32),
        middles=jnp.asarray(maze.middles, jnp.float32),
        numbers=jnp.asarray(maze.numbers, jnp.int32),
        corner=jnp.asarray(maze.corner, jnp.float32),
        cell_size=jnp.asarray(maze.cell_size, jnp.float32),
        speed=jnp.asarray(maze.speed, jnp.float32),
        normalizer=Normalizer.identity(spaces.observation),
        spaces=spaces,
    )
