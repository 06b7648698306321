"""How fast the point maze steps, and how far its steps are from OGBench's.

    NPROC=1 python benchmarks/point_maze.py [STEPS.npz]

The file is written by `benchmarks/peers/ogbench_maze.py`, in an environment of its own.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.env import point_maze
from ilkit.env.point_maze import MazeState, PointMaze, PointMazeEnvironment
from ilkit.expert import wander
from ilkit.stepping.episodes import collect_episodes

BATCH, STEPS, TRIALS = 64, 20_000, 5
SETTINGS = {
    "medium": PointMaze(),
    "medium, new goals": PointMaze(at_goal="new_goal"),
    "giant": PointMaze(layout="giant"),
    "teleport, new goals": PointMaze(layout="teleport", at_goal="new_goal"),
}


def main() -> None:
    print("| | million steps a second, the best of 5 |\n| --- | --- |")
    for name, spec in SETTINGS.items():
        print(f"| {name} | {speed(spec) / 1e6:.1f} |", flush=True)
    print(f"\nA million steps of wander are collected in {seconds_to_collect():.1f} s, compilation included.")
    if len(sys.argv) > 1:
        print("\n| | steps | away from walls, at most | at walls | half | 95 % | at most |\n|" + " --- |" * 7)
        for layout, rows in np.load(sys.argv[1]).items():
            print(f"| {layout} | {compared(layout, rows)} |", flush=True)


def speed(spec: PointMaze) -> float:
    """Steps a second in a batch, where actions and keys were drawn before."""
    maze = point_maze.env(spec)

    @jax.jit
    def run(key: PRNGKeyArray, actions: Array, words: Array) -> Float[Array, " batch"]:
        def step(state: MazeState, given: tuple[Array, Array]) -> tuple[MazeState, Array]:
            state, transition = jax.vmap(lambda state, action, word: stepped(maze, state, action, word))(state, *given)
            return state, transition

        states = jax.vmap(lambda key: maze.reset(key=key))(jax.random.split(key, BATCH))
        return jax.lax.scan(step, states, (actions, words))[1].sum(axis=0)

    actions = jax.random.uniform(jax.random.key(1), (STEPS, BATCH, 2), minval=-1.0)
    words = jax.random.bits(jax.random.key(2), (STEPS, BATCH, 2), jnp.uint32)
    seconds = []
    for trial in range(TRIALS + 1):
        began = time.perf_counter()
        jax.block_until_ready(run(jax.random.key(trial), actions, words))
        seconds.append(time.perf_counter() - began)
    return BATCH * STEPS / min(seconds[1:])


def stepped(maze: PointMazeEnvironment, state: MazeState, action: Array, word: Array) -> tuple[MazeState, Array]:
    after, transition = maze.step(state, action, key=jax.random.wrap_key_data(word))
    return after, transition.reward


def seconds_to_collect() -> float:
    env = Build("env", "point_maze", point_maze.env, PointMaze(at_goal="stay"))
    policy = wander.expert(wander.Wander(), env, key=jax.random.key(0))
    began = time.perf_counter()
    collect_episodes(env(), policy, num_episodes=1000, key=jax.random.key(0), stochastic=True)
    return time.perf_counter() - began


def compared(layout: str, rows: np.ndarray) -> str:
    """The largest difference of a coordinate after each step; a step away from walls is one that nothing stopped."""
    maze = point_maze.env(PointMaze(layout=layout))
    before, actions, after = np.split(rows, 3, axis=1)
    states = MazeState(*(jnp.asarray(one, jnp.float32) for one in (before, np.full_like(before, 1e6), before[:, 0])))
    step = jax.jit(jax.vmap(lambda state, action: maze.step(state, action, key=jax.random.key(0))[0].place))
    found = np.abs(np.asarray(step(states, jnp.asarray(actions, jnp.float32))) - after).max(axis=1)
    walls = np.abs(before + 0.2 * actions - after).max(axis=1) > 1e-9
    half, most, worst = np.quantile(found[walls], (0.5, 0.95, 1.0))
    return f"{len(rows):,} | {found[~walls].max():.1e} | {walls.sum():,} | {half:.1e} | {most:.3f} | {worst:.3f}"


if __name__ == "__main__":
    main()
