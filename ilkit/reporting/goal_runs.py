"""Episodes towards goals, as what is told of them: the tasks, what came of them, and places on a map."""

import warnings
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree, UInt8

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import (
    CellMapped,
    Environment,
    GoalCells,
    HeldOutPairs,
    HostEnvironment,
    Mapped,
    ShortestWays,
)
from ilkit.data.goal_entries import ACHIEVED, DESIRED, goal_faults
from ilkit.data.spaces import Box
from ilkit.errors import DataError
from ilkit.measuring.goals import Attempts, Tasks, attempts_of
from ilkit.stepping.episode_arrays import Episodes

_HEIGHT = 280
_MOST_WAYS, _MOST_POINTS = 6, 120
_FINENESS = 10
"""Cells along each side of a map that has none of its own."""


class Places(NamedTuple):
    """Where starts and goals lie on a map."""

    chart: UInt8[np.ndarray, "height width 3"] | None
    """A picture of the map, if there is one."""
    ends: tuple[float, float, float, float]
    """Its left, right, lower and upper end."""
    cells: GoalCells
    starts: Float[np.ndarray, "episodes 2"]
    goals: Float[np.ndarray, "episodes 2"]


class Failures(NamedTuple):
    """The failed episodes of one seed of a policy, on a map."""

    seed: int
    episodes: Int[np.ndarray, " ways"]
    """Some of them."""
    ways: list[Float[np.ndarray, "points 2"]]
    """The ways of these, from the start to where they ended."""
    stuck: Float[np.ndarray, "failures 2"]
    """Where each of them ended."""


def tasks_of(world: Environment | HostEnvironment, run: Episodes, *, held_out: bool) -> Tasks:
    """What these episodes were told.

    **Raises:** `DataError` where the goal of an episode changes on its way.
    """
    _check_one_goal(run)
    starts, goals = run.obs[ACHIEVED][:, 0], run.obs[DESIRED][:, 0]
    knows = isinstance(world, ShortestWays)
    away = world.least_steps(starts, goals) if isinstance(world, ShortestWays) else _distances(run)[:, 0]
    told = world.are_held_out(starts, goals) if held_out and isinstance(world, HeldOutPairs) else None
    if told is not None and not told.any():
        warnings.warn(
            "No pair that was asked for is held out, so that none are told apart. Choose pairs all or held_out in the "
            "environment, or set held_out to false.",
            stacklevel=2,
        )
        told = None
    return Tasks(_rows(starts), _rows(goals), np.asarray(away, np.float64), knows, told)


def check_same(tasks: Tasks, run: Episodes) -> None:
    """Refuses episodes of other tasks.

    **Raises:** `DataError` where these differ, or some are missing.
    """
    starts, goals = (_rows(run.obs[name][:, 0]) for name in (ACHIEVED, DESIRED))
    if not (np.array_equal(starts, tasks.starts) and np.array_equal(goals, tasks.goals)):
        raise DataError(
            "All policies must be told the same goals from the same starts, got others from one episode to the next. "
            "Choose an environment that the seed of its reset decides."
        )


def attempts_in(run: Episodes, tolerance: float) -> Attempts:
    """What came of the episodes of one seed."""
    return attempts_of(_distances(run), run.lengths, tolerance)


def places_of(world: Environment | HostEnvironment, run: Episodes) -> Places | None:
    """Where starts and goals lie; none where goals have no two entries, and the environment no map."""
    if not _has_places(world):
        return None
    starts = _positions(world, jax.tree.map(lambda rows: rows[:, 0], run.obs))
    goals = _positions(world, {name: rows[:, 0] for name, rows in {**run.obs, ACHIEVED: run.obs[DESIRED]}.items()})
    chart = None
    if isinstance(world, Mapped):
        picture, ends = world.chart(_HEIGHT)
        chart = np.asarray(picture)
    else:
        low, high = np.minimum(starts, goals).min(axis=0), np.maximum(starts, goals).max(axis=0)
        margin = 0.1 * (high - low) + 1e-6
        ends = tuple(np.stack([low - margin, high + margin], axis=1).ravel().tolist())
    cells = world.goal_cells() if isinstance(world, CellMapped) else GoalCells(_FINENESS, _FINENESS, ends)
    return Places(chart, ends, cells, starts, goals)


def failures_in(
    world: Environment | HostEnvironment, run: Episodes, success: Bool[np.ndarray, " episodes"]
) -> Failures:
    """The ways of the failures of a run."""
    failed = np.flatnonzero(~success)
    ways = []
    for episode in failed[:_MOST_WAYS]:
        times = np.unique(np.linspace(0, run.lengths[episode], _MOST_POINTS).astype(int))
        # a way has as many points always, so that nothing compiles again
        times = np.pad(times, (0, _MOST_POINTS - len(times)), mode="edge")
        ways.append(_positions(world, jax.tree.map(lambda rows, at=times, one=episode: rows[one, at], run.obs)))
    ends = jax.tree.map(lambda rows: rows[np.arange(len(run.lengths)), run.lengths], run.obs)
    return Failures(0, failed[:_MOST_WAYS], ways, _positions(world, ends)[failed])


def cell_numbers(cells: GoalCells, places: Float[np.ndarray, "places 2"]) -> Int[np.ndarray, " places"]:
    """The number of the cell of each place, row by row from the lowest on."""
    left, right, lower, upper = cells.ends
    column = np.clip(((places[:, 0] - left) / (right - left) * cells.columns).astype(int), 0, cells.columns - 1)
    row = np.clip(((places[:, 1] - lower) / (upper - lower) * cells.rows).astype(int), 0, cells.rows - 1)
    return np.asarray(row * cells.columns + column)


def warn_of_leaks(world: Environment | HostEnvironment, demos: Demonstrations) -> None:
    """Warns where demonstrations were told goals whose pairs are held out."""
    if not isinstance(world, HeldOutPairs) or tuple(goal_faults(demos.spaces.observation)):
        return
    obs = demos.before()
    goals = _rows(obs[DESIRED])
    told = np.ones(len(goals), bool)
    told[1:] = (goals[1:] != goals[:-1]).any(axis=1)
    told[demos.starts] = True
    leaked = world.are_held_out(obs[ACHIEVED][told], obs[DESIRED][told]).mean()
    if leaked > 0:
        warnings.warn(
            f"{leaked:.1%} of the goals that the demonstrations were told are held out from where they were told, so "
            "that held-out pairs aren't. Record them with pairs: train in the environment.",
            stacklevel=3,
        )


def _check_one_goal(run: Episodes) -> None:
    goals = run.obs[DESIRED]
    taken = np.arange(goals.shape[1]) <= run.lengths[:, None]
    changed = (goals != goals[:, :1]).reshape(*taken.shape, -1).any(axis=2) & taken
    if changed.any():
        raise DataError(
            f"An episode must have one goal, but in {changed.any(axis=1).mean():.0%} of the episodes it changes on the "
            "way. Set at_goal of the environment to terminate or stay."
        )


def _distances(run: Episodes) -> Float[np.ndarray, "episodes times"]:
    achieved, desired = (np.asarray(run.obs[name], np.float32) for name in (ACHIEVED, DESIRED))
    apart = (achieved - desired).reshape(*achieved.shape[:2], -1)
    return np.asarray(np.sqrt(np.square(apart).sum(axis=2)))


def _rows(goals: np.ndarray) -> Float[np.ndarray, "rows goal"]:
    return np.asarray(goals, np.float64).reshape(len(goals), -1)


def _has_places(world: Environment | HostEnvironment) -> bool:
    goal = dict(world.spaces.observation.entries)[ACHIEVED]  # type: ignore[union-attr]
    return isinstance(world, Mapped) or (isinstance(goal, Box) and goal.size >= 2)


def _positions(world: Environment | HostEnvironment, obs: PyTree) -> Float[np.ndarray, "rows 2"]:
    if isinstance(world, Mapped):
        return np.asarray(_on_map(world, obs))
    return np.asarray(obs[ACHIEVED]).reshape(len(obs[ACHIEVED]), -1)[:, :2]


@eqx.filter_jit
def _on_map(world: Mapped, obs: PyTree) -> Float[Array, "rows 2"]:
    return jax.vmap(world.position)(obs)
