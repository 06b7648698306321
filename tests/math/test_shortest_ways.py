import numpy as np

from ilkit.math.floor_plan import free_cells, steps_between
from ilkit.math.mazes import LAYOUTS
from ilkit.math.shortest_ways import next_cells, steps_of_ways

PLAN = ("#####", "#...#", "#.#.#", "#...#", "#####")  # cells: 0 1 2, 3 4, 5 6 7
NOTHING = np.zeros((5, 5), bool)


def test_every_step_leads_one_step_nearer() -> None:
    free = free_cells(LAYOUTS["giant"].lines)
    steps, following = steps_between(free), next_cells(free, np.zeros_like(free))
    cells = np.arange(len(steps))
    nearer = steps[following, cells[None]]
    np.testing.assert_array_equal(nearer, np.maximum(steps - 1, 0))
    np.testing.assert_array_equal(steps[cells[:, None], following] == 1, steps > 0)


def test_of_ways_that_are_as_short_the_one_upwards_is_taken() -> None:
    following = next_cells(free_cells(PLAN), NOTHING)
    assert following[5, 2] == 3  # up and right, not right and up
    assert following[3, 3] == 3


def test_no_way_leads_through_an_avoided_cell_but_one_may_begin_or_end_there() -> None:
    avoided = NOTHING.copy()
    avoided[2, 1] = True  # cell 3
    steps, following = steps_of_ways(free_cells(PLAN), avoided), next_cells(free_cells(PLAN), avoided)
    assert (steps[0, 5], steps[5, 0]) == (6, 6)
    assert (steps[0, 3], steps[3, 5], steps[7, 3], steps[3, 3]) == (1, 1, 3, 0)
    assert (following[0, 5], following[0, 3], following[3, 5], following[7, 3]) == (1, 3, 5, 6)


def test_where_no_way_leads_nobody_goes() -> None:
    free = free_cells(("#####", "#.#.#", "#####"))
    np.testing.assert_array_equal(steps_of_ways(free, np.zeros_like(free)), [[0, -1], [-1, 0]])
    np.testing.assert_array_equal(next_cells(free, np.zeros_like(free)), [[0, 0], [1, 1]])
    np.testing.assert_array_equal(steps_of_ways(free, free), [[0, -1], [-1, 0]])
