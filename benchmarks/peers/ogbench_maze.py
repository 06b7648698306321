"""Random steps of OGBench's point maze, for `benchmarks/point_maze.py`, and how many of them it takes a second.

python benchmarks/peers/ogbench_maze.py STEPS.npz

Half of the episodes draw an action a step, half keep one for ten steps and so come to walls.
"""

import sys
import time

import gymnasium
import numpy as np
import ogbench  # noqa: F401  (registers the environments)

NUM_EPISODES, NUM_STEPS = 20, 500


def main() -> None:
    generator, steps = np.random.default_rng(0), {}
    began = time.perf_counter()
    for layout in ("medium", "large", "giant"):
        env = gymnasium.make(f"pointmaze-{layout}-v0").unwrapped
        rows = [row for number in range(NUM_EPISODES) for row in episode(env, generator, 10 if number % 2 else 1)]
        steps[layout] = np.asarray(rows)
    np.savez(sys.argv[1], **steps)
    count = sum(len(rows) for rows in steps.values())
    print(f"steps a second: {count / (time.perf_counter() - began):,.0f}")


def episode(env: gymnasium.Env, generator: np.random.Generator, period: int) -> list[np.ndarray]:
    """The place before, the action and the place after each step, from the middle of any cell."""
    env.reset(seed=int(generator.integers(1 << 30)))
    cells = np.argwhere(env.maze_map == 0)
    env.set_xy(np.asarray(env.ij_to_xy(cells[generator.integers(len(cells))]), float))
    env.cur_goal_xy = np.full(2, 1e6)
    rows = []
    for number in range(NUM_STEPS):
        if number % period == 0:
            action = generator.uniform(-1.0, 1.0, 2)
        before = env.get_xy().copy()
        rows.append(np.concatenate([before, action, env.step(action)[0]]))
    return rows


if __name__ == "__main__":
    main()
