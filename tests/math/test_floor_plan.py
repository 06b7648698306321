import numpy as np
import pytest

from ilkit.math.floor_plan import free_cells, neighbors, plan_faults, steps_between

PLAN = ("#####", "#...#", "#.#.#", "#####")


def test_steps_between_cells_are_those_of_the_shortest_way() -> None:
    steps = steps_between(free_cells(PLAN))  # cells: 0 1 2 in the upper row, 3 and 4 below its ends
    np.testing.assert_array_equal(steps[3], [1, 2, 3, 0, 4])
    np.testing.assert_array_equal(steps, steps.T)


def test_a_step_against_a_wall_stays() -> None:
    stay, up, right, down, left = neighbors(free_cells(PLAN)).T
    np.testing.assert_array_equal(stay, range(5))
    np.testing.assert_array_equal(up, [0, 1, 2, 0, 2])
    np.testing.assert_array_equal(right, [1, 2, 2, 3, 4])
    np.testing.assert_array_equal(down, [3, 1, 4, 3, 4])
    np.testing.assert_array_equal(left, [0, 0, 1, 3, 4])


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ((), "equally long"),
        (("###", "##"), "equally long, got lengths 3, 2"),
        (("####", "#x.#", "####"), "got 'x'"),
        (("####", "#.##", "####"), "at least two free cells, got 1"),
        (("####", "#...", "####"), "row 1, column 3 at its edge is free"),
        (("#####", "#.#.#", "#####"), "row 1, column 1 isn't from row 1, column 3"),
    ],
)
def test_what_is_no_plan_is_refused(lines: tuple[str, ...], fault: str) -> None:
    (found,) = plan_faults(lines)
    assert fault in found


def test_a_plan_has_no_fault() -> None:
    assert plan_faults(PLAN) == ()
