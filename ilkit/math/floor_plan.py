"""Floor plans as lines of text: which cells are free, and how many steps lie between any two of them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

WALL, FREE = "#", "."


def plan_faults(lines: Sequence[str]) -> tuple[str, ...]:
    """What keeps lines from being a plan: unequal lengths, other signs, no room, an open edge, a room of its own."""
    if len({len(line) for line in lines}) != 1:
        return (f"its lines must be equally long, got lengths {', '.join(str(len(line)) for line in lines) or 'none'}",)
    unknown = sorted(set("".join(lines)) - {WALL, FREE})
    if unknown:
        return (f"it must be of {WALL} (wall) and {FREE} (free) alone, got {unknown[0]!r}",)
    free = free_cells(lines)
    if free.sum() < 2:
        return (f"it must have at least two free cells, got {free.sum()}",)
    inner = np.pad(free[1:-1, 1:-1], 1)
    if (free & ~inner).any():
        row, column = np.argwhere(free & ~inner)[0]
        return (f"it must be closed by walls, but row {row}, column {column} at its edge is free",)
    apart = np.argwhere(steps_between(free) < 0)
    if len(apart):
        (row, column), (other_row, other_column) = np.argwhere(free)[apart[0]]
        return (
            f"every free cell must be reachable from every other, but row {row}, column {column} isn't from "
            f"row {other_row}, column {other_column}",
        )
    return ()


def free_cells(lines: Sequence[str]) -> Bool[np.ndarray, "rows columns"]:
    """Which cells of a plan are free; the first line is the top row."""
    return np.asarray([[sign == FREE for sign in line] for line in lines], bool)


def neighbors(free: Bool[np.ndarray, "rows columns"]) -> Int[np.ndarray, "cells 5"]:
    """The free cell that staying and a step up, right, down and left lead to: the same one where there is a wall.

    Free cells are counted row by row.
    """
    number = np.cumsum(free).reshape(free.shape) - 1
    cells = np.argwhere(free)
    found = []
    for move in ((0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)):
        rows, columns = (cells + np.asarray(move)).T
        found.append(np.where(free[rows, columns], number[rows, columns], np.arange(len(cells))))
    return np.stack(found, axis=1)


def steps_between(free: Bool[np.ndarray, "rows columns"]) -> Int[np.ndarray, "cells cells"]:
    """The least number of steps from each free cell to each other one, by breadth-first search; -1 where no way is."""
    following = neighbors(free)
    count = len(following)
    steps = np.where(np.eye(count, dtype=bool), 0, -1)
    reached = np.eye(count, dtype=bool)
    for number in range(1, count + 1):
        near = np.zeros_like(reached)
        for move in following.T:
            near |= reached[move]  # from a cell one gets where its neighbor got with a step less
        new = near & ~reached
        if not new.any():
            break
        steps[new], reached = number, reached | near
    return steps
