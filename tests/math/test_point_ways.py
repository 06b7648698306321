"""Ways of a disk among walls: straight where nothing is in the way, around corners where something is."""

import numpy as np
import pytest

from ilkit.math.floor_plan import free_cells
from ilkit.math.point_ways import lengths_of_ways

ROOM = free_cells(("####", "#..#", "#..#", "####"))
HALLS = free_cells(("#####", "#...#", "#.#.#", "#.#.#", "#####"))


def length(free: np.ndarray, start: tuple[float, float], goal: tuple[float, float]) -> float:
    return float(lengths_of_ways(free, 4.0, 0.7, np.asarray([start]), np.asarray([goal]))[0])


def test_where_nothing_is_in_the_way_it_is_the_longer_axis() -> None:
    assert length(ROOM, (6.0, 6.0), (10.0, 10.0)) == pytest.approx(4.0)
    assert length(ROOM, (6.0, 6.0), (10.0, 7.0)) == pytest.approx(4.0)
    assert length(ROOM, (6.0, 6.0), (6.0, 6.0)) == 0.0


def test_around_a_wall_it_goes_up_over_and_down_and_cuts_corners_as_far_as_the_disk_fits() -> None:
    # Up from y = 6 to the hall, whose lower wall is at 12 and whose disk stays above 12.7; two corners are cut.
    found = length(HALLS, (6.0, 6.0), (14.0, 6.0))
    assert 2 * (12.7 - 6.0) + 2 * (12.7 - 12.0) <= found <= 2 * 8.0 + 8.0
    assert found == pytest.approx(length(HALLS, (14.0, 6.0), (6.0, 6.0)))


def test_who_cannot_get_there_has_no_way() -> None:
    apart = free_cells(("#####", "#.#.#", "#####"))
    assert np.isinf(length(apart, (6.0, 6.0), (14.0, 6.0)))
