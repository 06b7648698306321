import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.math.floor_plan import free_cells
from ilkit.math.wall_pushes import pushed_out, stopped, walls_beside

OPEN, MIDDLE = jnp.zeros((), jnp.int32), jnp.zeros(2)
ALL = jnp.asarray(walls_beside(np.ones((1, 1), bool))[0, 0])  # a cell of its own: walls all around
CORNERS = jnp.asarray(sum(4 << (3 * quarter) for quarter in range(4)), jnp.int32)


def test_bits_are_the_walls_of_the_four_quarters() -> None:
    walls = walls_beside(free_cells(("####", "#..#", "##.#", "####"))[::-1])
    assert walls.shape == (4, 4)
    quarters = [(walls[1, 2] >> (3 * number)) & 7 for number in range(4)]  # the lower free cell
    # Beside, above or below, at the corner: left and right of it are walls, above is none but to the right.
    assert quarters == [0b111, 0b111, 0b001, 0b101]


@pytest.mark.parametrize("side", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_rim_is_pushed_out_but_for_a_share(side: tuple[int, int]) -> None:
    place = jnp.asarray(side) * jnp.asarray([0.9, 0.3])
    out = pushed_out(place, MIDDLE, ALL, half=1.0, radius=0.4, left=0.25)
    np.testing.assert_allclose(out, np.asarray(side) * (0.6 + 0.25 * 0.3, 0.3), rtol=1e-6)
    np.testing.assert_array_equal(pushed_out(place, MIDDLE, OPEN, half=1.0, radius=0.4, left=0.25), place)


def test_a_corner_pushes_away_from_itself() -> None:
    place = jnp.asarray([0.7, 0.6])  # 0.5 from the corner
    out = pushed_out(place, MIDDLE, CORNERS, half=1.0, radius=0.6, left=0.0)
    np.testing.assert_allclose(out, np.asarray([1.0, 1.0]) - 0.6 / 0.5 * np.asarray([0.3, 0.4]), rtol=1e-5)
    within = jnp.asarray([0.7, 0.3])
    np.testing.assert_array_equal(pushed_out(within, MIDDLE, CORNERS, half=1.0, radius=0.6, left=0.0), within)


def test_a_middle_stops_at_walls_and_along_the_nearer_side_of_a_corner() -> None:
    np.testing.assert_allclose(stopped(jnp.asarray([1.4, -1.2]), MIDDLE, ALL, half=1.0), [0.999, -0.999])
    np.testing.assert_allclose(stopped(jnp.asarray([1.4, 1.2]), MIDDLE, CORNERS, half=1.0), [1.4, 0.999])
    for free in ((1.4, 0.9), (0.5, 0.2)):
        np.testing.assert_array_equal(stopped(jnp.asarray(free), MIDDLE, CORNERS, half=1.0), jnp.asarray(free))
