"""A disk among square walls: where its middle stops, and how its rim is pushed out.

All looks at the quarter of a cell that the middle is in: at the walls at its two sides, and at the one at its corner.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

_SIDES = tuple((column, row) for row in (-1, 1) for column in (-1, 1))
_JUST_INSIDE = 0.999
"""How much of the way to a wall the middle goes, that it doesn't count as in it."""


def walls_beside(free: Bool[np.ndarray, "rows columns"]) -> Int[np.ndarray, "rows columns"]:
    """Which of the cells beside each are walls, three bits a quarter: beside, above or below, and at the corner.

    The lowest row comes first. What lies outside of the plan is a wall.
    """
    padded = np.pad(~free, 1, constant_values=True)
    rows, columns = free.shape

    def wall(column: int, row: int) -> Int[np.ndarray, "rows columns"]:
        return padded[1 + row : 1 + row + rows, 1 + column : 1 + column + columns].astype(np.int32)

    quarters = (wall(column, 0) + 2 * wall(0, row) + 4 * wall(column, row) for column, row in _SIDES)
    return np.asarray(sum(bits << (3 * number) for number, bits in enumerate(quarters)), np.int32)


def stopped(
    aimed: Float[Array, " 2"], middle: Float[Array, " 2"], walls: Int[Array, ""], half: float
) -> Float[Array, " 2"]:
    """How far a middle gets that comes from a cell: not into a wall, into a corner not along the nearer side.

    `middle` and `walls` are those of the cell that it comes from, `half` is half the side of a cell.
    """
    side, depth = _folded(aimed, middle)
    beside, corner = _bits(side, walls)
    beyond = depth - _JUST_INSIDE * half
    into_corner = corner & (beyond > 0.0).all() & (beyond <= beyond[::-1])
    return aimed - side * jnp.where(beside | into_corner, jnp.maximum(beyond, 0.0), 0.0)


def pushed_out(
    place: Float[Array, " 2"],
    middle: Float[Array, " 2"],
    walls: Int[Array, ""],
    half: float,
    radius: float,
    left: float,
) -> Float[Array, " 2"]:
    """Where a disk gets whose rim is pushed out of the walls at its cell, but for a share `left` of its depth in them.

    A corner between walls that go on pushes nothing of its own.
    """
    side, depth = _folded(place, middle)
    beside, corner = _bits(side, walls)
    out_of_walls = jnp.where(beside, jnp.maximum(depth + radius - half, 0.0), 0.0)
    gap = half - depth
    distance = jnp.maximum(jnp.hypot(gap[0], gap[1]), 1e-6)
    out_of_corner = jnp.where(corner & ~beside.any(), jnp.maximum(radius - distance, 0.0), 0.0) * gap / distance
    return place - (1.0 - left) * side * (out_of_walls + out_of_corner)


def _folded(place: Float[Array, " 2"], middle: Float[Array, " 2"]) -> tuple[Float[Array, " 2"], Float[Array, " 2"]]:
    """On which side of the middle of a cell a place is along both axes, -1 or 1, and how far from it."""
    away = place - middle
    return jnp.where(away < 0.0, -1.0, 1.0), jnp.abs(away)


def _bits(side: Float[Array, " 2"], walls: Int[Array, ""]) -> tuple[Bool[Array, " 2"], Bool[Array, ""]]:
    """Whether there is a wall along each axis, and one at the corner."""
    number = (side[0] > 0).astype(jnp.int32) + 2 * (side[1] > 0).astype(jnp.int32)
    bits = walls >> (3 * number)
    return jnp.stack([bits & 1, (bits >> 1) & 1]) > 0, (bits & 4) > 0
