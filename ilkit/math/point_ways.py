"""Shortest ways of a disk among square walls, where a step goes as far along one axis as along both."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

_PARTS = 8
"""How finely each side of a cell is divided."""
_MOVES = ((0, 1), (1, 0), (1, 1), (1, -1))


def lengths_of_ways(
    free: Bool[np.ndarray, "rows columns"],
    cell_size: float,
    radius: float,
    starts: Float[np.ndarray, "pairs 2"],
    goals: Float[np.ndarray, "pairs 2"],
) -> Float[np.ndarray, " pairs"]:
    """The length of the shortest way of each pair, the longer one of its two axes at every place; ∞ where none is.

    By breadth-first search on a grid that divides a cell in eight along each axis, up to half of whose spacing starts
    and goals are off: places are (x, y) from the lower left corner of the plan, whose top row comes first.
    """
    spacing = cell_size / _PARTS
    fine = np.kron(free[::-1], np.ones((_PARTS, _PARTS), bool))
    room = (distance_transform_edt(fine) - 0.5) * spacing >= radius
    nodes = np.argwhere(room)[:, ::-1]
    first, last = (_nearest(nodes, places / spacing - 0.5) for places in (starts, goals))
    ends, which = np.unique(last, return_inverse=True)
    steps = dijkstra(_neighbors(room), directed=False, unweighted=True, indices=ends)
    straight = np.abs(goals - starts).max(axis=1)
    return np.maximum(steps[which, first] * spacing, straight)


def _nearest(nodes: Int[np.ndarray, "nodes 2"], places: Float[np.ndarray, "places 2"]) -> Int[np.ndarray, " places"]:
    return np.asarray([np.abs(nodes - place).sum(axis=1).argmin() for place in places], int)


def _neighbors(room: Bool[np.ndarray, "rows columns"]) -> coo_array:
    """A graph of the places that there is room at, each joined with its eight neighbors."""
    number = np.where(room, np.cumsum(room).reshape(room.shape) - 1, -1)
    padded = np.pad(number, 1, constant_values=-1)
    rows, columns = room.shape
    shifted = [padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns] for down, right in _MOVES]
    here = np.concatenate([number.ravel()] * len(shifted))
    there = np.concatenate([one.ravel() for one in shifted])
    joined = (here >= 0) & (there >= 0)
    size = int(room.sum())
    return coo_array((np.ones(int(joined.sum())), (here[joined], there[joined])), shape=(size, size))
