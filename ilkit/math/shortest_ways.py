"""Shortest ways over a floor plan: where to go next from every free cell to get to every other."""

import numpy as np
from jaxtyping import Bool, Int

from ilkit.math.floor_plan import neighbors, steps_between


def steps_of_ways(
    free: Bool[np.ndarray, "rows columns"], avoided: Bool[np.ndarray, "rows columns"]
) -> Int[np.ndarray, "cells cells"]:
    """The least number of steps from each free cell to each other one by ways that lead through no avoided cell.

    -1 where there is none. An avoided cell may be where a way begins or ends; free cells are counted row by row.
    """
    passable = ~avoided[free]
    count = len(passable)
    far = 2 * count
    steps = np.full((count, count), far)
    inner = steps_between(free & ~avoided) if passable.any() else np.zeros((0, 0), int)
    steps[np.ix_(passable, passable)] = np.where(inner < 0, far, inner)
    beside = neighbors(free)[:, 1:]
    for cell in np.flatnonzero(~passable):
        open_beside = [other for other in beside[cell] if passable[other]]
        for other in open_beside:
            steps[cell] = np.minimum(steps[cell], steps[other] + 1)
    for cell in np.flatnonzero(~passable):
        for other in [one for one in beside[cell] if passable[one]]:
            steps[:, cell] = np.minimum(steps[:, cell], steps[:, other] + 1)
    np.fill_diagonal(steps, 0)
    return np.where(steps >= far, -1, steps)


def next_cells(
    free: Bool[np.ndarray, "rows columns"], avoided: Bool[np.ndarray, "rows columns"]
) -> Int[np.ndarray, "cells cells"]:
    """The cell to go to from each free cell on the shortest way to each other one; the cell itself where none leads.

    Of ways that are as short, the one that begins upwards, then to the right, down, to the left.
    """
    steps = steps_of_ways(free, avoided)
    passable = ~avoided[free]
    beside = neighbors(free)[:, 1:]
    cells = np.arange(len(steps))
    ahead = np.where(steps[beside] < 0, len(steps) ** 2, steps[beside])  # cell, move, goal
    closed = ~passable[beside][..., None] & (beside[..., None] != cells)
    ahead = np.where(closed | (beside == cells[:, None])[..., None], len(steps) ** 2, ahead)
    best = np.take_along_axis(beside, ahead.argmin(axis=1), axis=1)
    return np.where(steps > 0, best, cells[:, None])
