import numpy as np

from ilkit.data.maze import Maze


def test_cells_are_counted_from_the_top_and_lie_upwards() -> None:
    free = np.asarray([[False, True], [True, True]])
    maze = Maze(free, np.zeros_like(free), cell_size=2.0, corner=(-1.0, -3.0), speed=0.1)
    np.testing.assert_array_equal(maze.middles, [[2.0, 0.0], [0.0, -2.0], [2.0, -2.0]])
    np.testing.assert_array_equal(maze.numbers, [[1, 2], [0, 0]])
