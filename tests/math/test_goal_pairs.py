import numpy as np
import pytest

from ilkit.math.floor_plan import free_cells, steps_between
from ilkit.math.goal_pairs import goals_from_each, numbers_of, pairs_among, task_faults
from ilkit.math.mazes import LAYOUTS, Layout

STEPS = steps_between(free_cells(LAYOUTS["medium"].lines))
CHOSEN = {"first": 3, "near_steps": 2, "held_out_percent": 20}


def test_all_pairs_are_of_two_cells() -> None:
    pairs = pairs_among("all", STEPS, **CHOSEN)
    assert len(pairs) == len(STEPS) * (len(STEPS) - 1)
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_near_pairs_are_so_many_steps_apart_and_those_of_the_first_start_there() -> None:
    near = pairs_among("near", STEPS, **CHOSEN)
    assert set(STEPS[tuple(near.T)]) == {1, 2}
    assert set(pairs_among("from_first", STEPS, **CHOSEN)[:, 0]) == {3}


@pytest.mark.parametrize("percent", [1, 20, 99])
def test_of_each_start_the_same_share_is_held_out_and_neither_part_is_empty(percent: int) -> None:
    chosen = CHOSEN | {"held_out_percent": percent}
    train, held_out = (pairs_among(choice, STEPS, **chosen) for choice in ("train", "held_out"))
    counts = np.bincount(held_out[:, 0], minlength=len(STEPS))
    np.testing.assert_array_equal(counts, {1: 1, 20: 5, 99: 24}[percent])
    both = np.concatenate([train, held_out])
    assert len(np.unique(both, axis=0)) == len(both) == len(STEPS) * (len(STEPS) - 1)
    assert set(train[:, 0]) == set(range(len(STEPS)))


def test_what_cannot_be_reached_is_not_asked_for() -> None:
    steps = steps_between(free_cells(("######", "#..#.#", "######")))
    np.testing.assert_array_equal(pairs_among("all", steps, **CHOSEN), [[0, 1], [1, 0]])
    assert len(pairs_among("held_out", steps, **CHOSEN)) == 0  # the only goal of a start is not held out


def test_a_cell_that_is_no_start_goes_on_to_any_goal() -> None:
    goals = goals_from_each(np.asarray([[0, 1], [0, 2], [2, 1]]), 4)
    assert [one.tolist() for one in goals] == [[1, 2], [1, 2], [1], [1, 2]]


def test_cells_are_counted_row_by_row() -> None:
    free = free_cells(("#####", "#.#.#", "#...#", "#####"))
    np.testing.assert_array_equal(numbers_of(free, [(1, 1), (1, 3), (2, 3)]), [0, 1, 4])


def test_tasks_of_the_layouts_have_no_faults_and_others_are_named() -> None:
    assert [list(task_faults(layout)) for layout in LAYOUTS.values()] == [[]] * len(LAYOUTS)
    apart = Layout(("#####", "#.#.#", "#####"), tasks=(((1, 1), (1, 3)), ((-1, 1), (1, 5))))
    found = list(task_faults(apart))
    assert [fault.count("number 0") for fault in found] == [1, 0, 0]
    assert "row 1, column 3 isn't one from row 1, column 1" in found[0]
    assert "the start of number 1, row -1, column 1" in found[1]
    assert "the goal of number 1, row 1, column 5" in found[2]
