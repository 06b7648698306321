"""Which pairs of a start and a goal a maze asks for: all, those nearby, those held out, those of one start."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int

from ilkit.math.floor_plan import free_cells
from ilkit.math.mazes import Cell, Layout
from ilkit.math.shortest_ways import steps_of_ways

Choice = Literal["all", "near", "train", "held_out", "from_first"]


def pairs_among(
    choice: Choice, steps: Int[np.ndarray, "cells cells"], *, first: int, near_steps: int, held_out_percent: int
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of numbers of cells, a start and another cell that can be reached from there, of all of which `steps` says
    in how many steps: -1 where no way leads from the one to the other, or it isn't to be asked for.

    Of each start the same share of goals is held out, at least one and at most all but one, always the same ones.
    """
    possible = steps > 0
    if choice == "near":
        possible &= steps <= near_steps
    if choice == "from_first":
        possible &= (np.arange(len(steps)) == first)[:, None]
    if choice in ("train", "held_out"):
        possible &= _held_out(possible, held_out_percent) == (choice == "held_out")
    return np.argwhere(possible)


def numbers_of(free: Bool[np.ndarray, "rows columns"], cells: Sequence[Cell]) -> Int[np.ndarray, " cells"]:
    """The numbers of free cells, counted row by row."""
    before = np.cumsum(free).reshape(free.shape) - 1
    return np.asarray([before[cell] for cell in cells], int)


def goals_from_each(pairs: Int[np.ndarray, "pairs 2"], num_cells: int) -> list[Int[np.ndarray, " goals"]]:
    """The goals that are paired with each cell, or all goals where a cell is no start."""
    everywhere = np.unique(pairs[:, 1])
    found = (pairs[pairs[:, 0] == cell, 1] for cell in range(num_cells))
    return [goals if len(goals) else everywhere for goals in found]


def task_faults(layout: Layout) -> Iterator[str]:
    """Starts and goals in a wall or outside of the map, and goals that can't be reached from their starts."""
    free = free_cells(layout.lines)
    steps = steps_of_ways(free, np.zeros_like(free))
    for number, task in enumerate(layout.tasks):
        closed = [(what, cell) for what, cell in zip(("start", "goal"), task, strict=True) if not _is_free(free, cell)]
        for what, (row, column) in closed:
            yield (
                f"cells must be free ones of the {free.shape[0]} rows and {free.shape[1]} columns of the map, but the "
                f"{what} of number {number}, row {row}, column {column}, is a wall or outside of it"
            )
        if not closed and steps[tuple(numbers_of(free, task))] <= 0:
            (row, column), (goal_row, goal_column) = task
            yield (
                f"a goal must be another cell that can be reached from the start, but of number {number} row "
                f"{goal_row}, column {goal_column} isn't one from row {row}, column {column}"
            )


def _is_free(free: Bool[np.ndarray, "rows columns"], cell: Cell) -> bool:
    return all(0 <= at < size for at, size in zip(cell, free.shape, strict=True)) and bool(free[cell])


def _held_out(possible: np.ndarray, percent: int) -> np.ndarray:
    """Which pairs are held out."""
    generator = np.random.default_rng(0)
    held_out = np.zeros_like(possible)
    for start, goals in enumerate(possible):
        cells = generator.permutation(np.flatnonzero(goals))
        count = min(max(round(len(cells) * percent / 100), 1), len(cells) - 1)
        held_out[start, cells[: max(count, 0)]] = True
    return held_out
