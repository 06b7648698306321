"""A point in a maze that is told where to go, as in OGBench's point maze (Park et al., 2025), and in maps of one's own.

    x' = x + speed · a,  then the rim of the point is pushed out of walls, but for a share of .177 of how deep it was in

Cells are 4 wide and the point's radius is 0.7. OGBench lets MuJoCo's contacts push for a tenth of a second, in which
they are linear: what is left of a depth in a flat wall is always the same share.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from ilkit.data.environment import Environment, GoalCells, Transition
from ilkit.data.goal_entries import ACHIEVED, DESIRED, STEPS_LEFT, warn_of_tolerance
from ilkit.data.maze import Maze
from ilkit.data.spaces import Box, Dict, Spaces
from ilkit.fitting.goals import reached
from ilkit.math.drawing import BLUE, GREEN, GRID, INK, ORANGE, STEEL, Canvas
from ilkit.math.floor_plan import free_cells, plan_faults
from ilkit.math.goal_pairs import Choice, goals_from_each, numbers_of, pairs_among, task_faults
from ilkit.math.mazes import LAYOUTS, Cell, Layout, Name
from ilkit.math.point_ways import lengths_of_ways
from ilkit.math.shortest_ways import steps_of_ways
from ilkit.math.wall_pushes import pushed_out, stopped, walls_beside
from ilkit.spec import Spec

_CELL, _RADIUS, _LEFT = 4.0, 0.7, 0.1772152
"""The side of a cell, the radius of the point, and the share of a depth in a wall that is left after a step."""
_CORNER = -6.0
"""The left and the lower end of the map: the middle of the lowest, leftmost inner cell is (0, 0), as in OGBench."""
_ENTRANCE = 1.5
"""How near to the middle of an entrance one is taken to an exit."""


class PointMaze(Spec):
    """A point in a maze that is told where to go; layouts, tasks and steps are OGBench's (Park et al., 2025)."""

    kind: Literal["point_maze"] = "point_maze"
    layout: Name | tuple[str, ...] = "medium"
    """One of OGBench's mazes, or a map of one's own, the top row first: # is a wall, . is free."""
    pairs: Literal["tasks"] | Choice = "all"
    """Which pairs of a start cell and a goal cell are asked for: all; `tasks`; goals at most `near_steps` cells away;
    those that aren't held out, or those that are; or all goals from the leftmost free cell of the lowest row."""
    tasks: Annotated[tuple[tuple[Cell, Cell], ...], Field(min_length=1)] | None = None
    """Pairs of a start cell and a goal cell, each (row, column) of the map, counted from 0 and from the top left; the
    layout's own where none are given."""
    near_steps: PositiveInt = 4
    """The most steps from cell to cell that a goal is away where pairs are near."""
    held_out_percent: Annotated[int, Field(ge=1, le=99)] = 20
    """How many of the goals of each start cell are held out, the same ones always."""
    at_goal: Literal["terminate", "new_goal", "stay"] = "terminate"
    """What happens at the goal: the episode ends, another goal is drawn, or it goes on up to the time limit."""
    tolerance: NonNegativeFloat = 1.0
    """How far from the goal still counts as reached; a cell is 4 wide."""
    speed: Annotated[float, Field(gt=0, le=1)] = 0.2
    """How far the largest action moves the point along an axis."""
    jitter: Annotated[float, Field(ge=0, le=1.3)] = 1.0
    """How far from the middle of their cells starts and goals are, at most, along both axes."""
    show_horizon: bool = False
    """Whether the share of the steps that are left is observed."""
    max_steps: PositiveInt = 1000
    """The number of steps after which an episode is truncated."""

    def idle(self) -> dict[str, str]:
        """What only some choices of pairs read."""
        reads = {"tasks": ("tasks",), "near_steps": ("near",), "held_out_percent": ("train", "held_out")}
        return {name: f"pairs is {' or '.join(by)}" for name, by in reads.items() if self.pairs not in by}

    @model_validator(mode="after")
    def _check_layout(self) -> "PointMaze":
        for fault in plan_faults(self.layout) if isinstance(self.layout, tuple) else ():
            raise ValueError(f"layout: {fault}")
        for fault in task_faults(_layout_of(self)):
            raise ValueError(f"tasks: {fault}")
        if self.pairs == "tasks" and not _layout_of(self).tasks:
            raise ValueError("tasks: must be given where pairs is tasks and layout is a map of one's own, got none")
        if not len(_pairs(self)):
            raise ValueError(f"pairs: there must be one, got none that is {self.pairs}. Choose all, or another layout")
        return self


class MazeState(NamedTuple):
    """Where the point is, where it should be, and how long it has been going."""

    place: Float[Array, " 2"]
    goal: Float[Array, " 2"]
    elapsed: Float[Array, ""]


class PointMazeEnvironment(Environment):
    """The reward is 1 for a step that ends at the goal, else 0."""

    goal_reward: ClassVar[float] = 1.0
    spec: PointMaze
    spaces: Spaces = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    pairs: Int[Array, "pairs 2"]
    """The start cells and the goal cells that episodes begin with."""
    goals: Int[Array, " goals"]
    """The goal cells to go on to from each cell, one cell after the other."""
    first_goal: Int[Array, " cells"]
    num_goals: Int[Array, " cells"]
    middles: Float[Array, "cells 2"]
    numbers: Int[Array, "rows columns"]
    """The number of each free cell, the lowest row first; 0 where there is a wall."""
    walls: Int[Array, "rows columns"]
    """Which walls are beside each cell, the lowest row first."""
    entrances: Float[Array, "entrances 2"]
    exits: Float[Array, "exits 2"]

    @property
    def goal_tolerance(self) -> float | Float[Array, ""]:
        """How far from the goal still counts as reached."""
        return self.spec.tolerance

    @property
    def changes_goals(self) -> bool:
        """Whether another goal is drawn where one is reached."""
        return self.spec.at_goal == "new_goal"

    def maze(self) -> Maze:
        """The plan of the maze; no way leads through an entrance."""
        return _maze(self.spec)

    def least_steps(
        self, starts: Float[np.ndarray, "pairs 2"], goals: Float[np.ndarray, "pairs 2"]
    ) -> Float[np.ndarray, " pairs"]:
        """The least number of steps by ways through no entrance, with the largest actions along both axes."""
        maze = self.maze()
        lengths = lengths_of_ways(maze.free & ~maze.avoided, _CELL, _RADIUS, starts - _CORNER, goals - _CORNER)
        return np.maximum(np.ceil((lengths - self.spec.tolerance) / self.spec.speed - 1e-6), 1.0)

    def are_held_out(
        self, starts: Float[np.ndarray, "pairs 2"], goals: Float[np.ndarray, "pairs 2"]
    ) -> Bool[np.ndarray, " pairs"]:
        """Whether the cells of these pairs are among those of `pairs: held_out`."""
        held_out = np.zeros((len(self.middles),) * 2, bool)
        held_out[tuple(_pairs(self.spec.model_copy(update={"pairs": "held_out"})).T)] = True
        cells = (np.floor((places - _CORNER) / _CELL).astype(int).T for places in (starts, goals))
        return np.asarray(held_out[tuple(self.maze().numbers[row, column] for column, row in cells)])

    def goal_cells(self) -> GoalCells:
        """The cells of the maze."""
        rows, columns = self.maze().free.shape
        return GoalCells(rows, columns, (_CORNER, _CORNER + _CELL * columns, _CORNER, _CORNER + _CELL * rows))

    def reset(self, *, key: PRNGKeyArray) -> MazeState:
        """Draws one of the pairs, and a place near the middle of both cells."""
        pair_key, place_key = jax.random.split(key)
        pair = self.pairs[jax.random.randint(pair_key, (), 0, len(self.pairs))]
        spread = jax.random.uniform(place_key, (2, 2), minval=-1.0, maxval=1.0)
        start, goal = self.middles[pair] + self.spec.jitter * spread
        return MazeState(start, goal, jnp.zeros(()))

    def step(self, state: MazeState, action: Array, *, key: PRNGKeyArray) -> tuple[MazeState, Transition]:
        """Moves the point, up to walls; whether it is at the goal is asked before it is taken elsewhere."""
        place = self._moved(state.place, jnp.clip(action, -1.0, 1.0))
        there = reached(place, state.goal, self.spec.tolerance)
        exit_key, goal_key = jax.random.split(key) if len(self.entrances) else (key, key)
        goal = jnp.where(there, self._next_goal(place, key=goal_key), state.goal) if self.changes_goals else state.goal
        if len(self.entrances):
            place = self._taken_elsewhere(place, key=exit_key)
        terminated = there if self.spec.at_goal == "terminate" else jnp.zeros((), bool)
        reward = jnp.where(there, self.goal_reward, 0.0)
        return MazeState(place, goal, state.elapsed + 1.0), Transition(reward, terminated)

    def observe(self, state: MazeState) -> dict[str, Float[Array, " entries"]]:
        """Where the point is, twice, and where it should be."""
        obs = {"observation": state.place, ACHIEVED: state.place, DESIRED: state.goal}
        left = 1.0 - state.elapsed[None] / self.max_steps
        return obs | ({STEPS_LEFT: left} if self.spec.show_horizon else {})

    def position(self, obs: dict[str, Array]) -> Float[Array, " 2"]:
        """Where the point is."""
        return obs[ACHIEVED]

    def chart(self, height: int) -> tuple[UInt8[Array, "height width 3"], tuple[float, float, float, float]]:
        """The maze."""
        canvas = self._canvas(height)
        right, upper = _CORNER + canvas.pixel * canvas.x.shape[1], _CORNER + canvas.pixel * height
        return canvas.picture(), (_CORNER, right, _CORNER, upper)

    def frame(self, state: MazeState, height: int) -> UInt8[Array, "height width 3"]:
        """The point in the maze, and its goal."""
        canvas = self._canvas(height)
        ring = canvas.ring((state.goal[0], state.goal[1]), self.spec.tolerance, 0.3)
        return canvas.paint(ring, ORANGE).paint(canvas.disk((state.place[0], state.place[1]), _RADIUS), BLUE).picture()

    def _cell(self, place: Float[Array, " 2"]) -> Int[Array, " 2"]:
        """The column and, from the lowest on, the row."""
        return jnp.floor((place - _CORNER) / _CELL).astype(jnp.int32)

    def _moved(self, place: Float[Array, " 2"], action: Float[Array, " 2"]) -> Float[Array, " 2"]:
        aimed = place + self.spec.speed * action
        inside = stopped(aimed, *self._around(place), half=_CELL / 2)
        return pushed_out(inside, *self._around(inside), half=_CELL / 2, radius=_RADIUS, left=_LEFT)

    def _around(self, place: Float[Array, " 2"]) -> tuple[Float[Array, " 2"], Int[Array, ""]]:
        """The middle of the cell of a place, and the walls beside it."""
        cell = self._cell(place)
        return _CORNER + _CELL * (cell + 0.5), self.walls[cell[1], cell[0]]

    def _next_goal(self, place: Float[Array, " 2"], *, key: PRNGKeyArray) -> Float[Array, " 2"]:
        column, row = self._cell(place)
        number = self.numbers[row, column]
        share, *spread = jax.random.uniform(key, (3,))
        at = jnp.minimum((share * self.num_goals[number]).astype(jnp.int32), self.num_goals[number] - 1)
        middle = self.middles[self.goals[self.first_goal[number] + at]]
        return middle + self.spec.jitter * (2.0 * jnp.stack(spread) - 1.0)

    def _taken_elsewhere(self, place: Float[Array, " 2"], *, key: PRNGKeyArray) -> Float[Array, " 2"]:
        near = jnp.linalg.norm(self.entrances - place, axis=1) <= _ENTRANCE
        return jnp.where(near.any(), self.exits[jax.random.randint(key, (), 0, len(self.exits))], place)

    def _canvas(self, height: int) -> Canvas:
        free = _maze(self.spec).free[::-1]
        pixel = _CELL * len(free) / height
        width = round(_CELL * free.shape[1] / pixel)
        middle = (_CORNER + pixel * width / 2, _CORNER + pixel * height / 2)
        canvas = Canvas.blank(height, width, center=middle, pixel=pixel)
        column, row = (jnp.floor((axis - _CORNER) / _CELL).astype(jnp.int32) for axis in (canvas.x, canvas.y))
        inside = jnp.asarray(free)[jnp.clip(row, 0, len(free) - 1), jnp.clip(column, 0, free.shape[1] - 1)]
        canvas = canvas.paint(jnp.where(inside, pixel, -pixel), STEEL).paint(jnp.where(inside, -pixel, pixel), GRID)
        for places, color in ((self.entrances, INK), (self.exits, GREEN)):
            for x, y in places:
                canvas = canvas.paint(canvas.disk((x, y), 1.0), color, 0.5)
        return canvas


def env(spec: PointMaze) -> Environment:
    """Builds the maze; warns where the tolerance is 0."""
    layout, maze = _layout_of(spec), _maze(spec)
    pairs, free = _pairs(spec), maze.free[::-1]
    goals = goals_from_each(pairs, len(maze.middles))
    lengths = np.asarray([len(one) for one in goals])
    upper, right = _CORNER + _CELL * (np.asarray(free.shape) - 1.0)
    room = Box(low=(_CORNER + _CELL,) * 2, high=(float(right), float(upper)))
    shown = ((STEPS_LEFT, Box(shape=(1,), low=0.0, high=1.0)),) if spec.show_horizon else ()
    observation = Dict(entries=(("observation", room), (ACHIEVED, room), (DESIRED, room), *shown))
    warn_of_tolerance(spec.tolerance, observation)
    return PointMazeEnvironment(
        spec=spec,
        spaces=Spaces(observation=observation, action=Box.symmetric((1.0, 1.0))),
        max_steps=spec.max_steps,
        pairs=jnp.asarray(pairs, jnp.int32),
        goals=jnp.asarray(np.concatenate(goals), jnp.int32),
        first_goal=jnp.asarray(np.cumsum(lengths) - lengths, jnp.int32),
        num_goals=jnp.asarray(lengths, jnp.int32),
        middles=jnp.asarray(maze.middles, jnp.float32),
        numbers=jnp.asarray(maze.numbers, jnp.int32),
        walls=jnp.asarray(walls_beside(free)),
        entrances=_places(maze, layout.entrances),
        exits=_places(maze, layout.exits),
    )


def _layout_of(spec: PointMaze) -> Layout:
    layout = Layout(spec.layout) if isinstance(spec.layout, tuple) else LAYOUTS[spec.layout]
    return layout if spec.tasks is None else layout._replace(tasks=spec.tasks)


def _maze(spec: PointMaze) -> Maze:
    layout = _layout_of(spec)
    free = free_cells(layout.lines)
    avoided = np.zeros_like(free)
    for cell in layout.entrances:
        avoided[cell] = True
    return Maze(free, avoided, _CELL, (_CORNER, _CORNER), spec.speed)


def _places(maze: Maze, cells: Sequence[Cell]) -> Float[Array, "cells 2"]:
    return jnp.asarray(maze.middles[numbers_of(maze.free, cells)], jnp.float32).reshape(-1, 2)


def _pairs(spec: PointMaze) -> Int[np.ndarray, "pairs 2"]:
    """The numbers of the start cell and the goal cell of each pair."""
    layout, (free, avoided, *_) = _layout_of(spec), _maze(spec)
    if spec.pairs == "tasks":
        return np.asarray([numbers_of(free, task) for task in layout.tasks], int).reshape(-1, 2)
    steps = steps_of_ways(free, avoided)
    steps[avoided[free]], steps[:, avoided[free]] = -1, -1
    rows, columns = np.argwhere(free).T
    return pairs_among(
        spec.pairs,
        steps,
        first=int(np.lexsort((columns, -rows))[0]),
        near_steps=spec.near_steps,
        held_out_percent=spec.held_out_percent,
    )
