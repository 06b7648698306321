"""A maze of square cells that a point moves through, as far as who plans a way has to know it."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int


class Maze(NamedTuple):
    """The plan of a maze, the top row first, and where it lies: x to the right, y upwards."""

    free: Bool[np.ndarray, "rows columns"]
    avoided: Bool[np.ndarray, "rows columns"]
    """Free cells that no way leads through, for they take one elsewhere."""
    cell_size: float
    corner: tuple[float, float]
    """The left and the lower end."""
    speed: float
    """How far the largest action moves the point along an axis."""

    @property
    def middles(self) -> Float[np.ndarray, "cells 2"]:
        """The middle of each free cell, counted row by row."""
        rows, columns = np.argwhere(self.free).T
        upward = len(self.free) - 1 - rows
        return self.cell_size * (np.stack([columns, upward], axis=1) + 0.5) + np.asarray(self.corner)

    @property
    def numbers(self) -> Int[np.ndarray, "rows columns"]:
        """The number of each free cell, the lowest row first; 0 where there is a wall."""
        counted = np.cumsum(self.free).reshape(self.free.shape) - 1
        return np.where(self.free, counted, 0)[::-1]


@runtime_checkable
class MazeForm(Protocol):
    """An environment that is such a maze: it observes goals, and an action is a way to go along both axes."""

    def maze(self) -> Maze:
        """Its plan."""
