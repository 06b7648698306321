"""How fast `imitate.gcbc` steps, beside `imitate.bc` at equal net and batch: at least .85 of its steps a second.

    NPROC=1 python benchmarks/gcbc_speed.py [ROUNDS [WIDTH [avx2|native]]]

A million steps of play in the medium maze, 2 × WIDTH relu (256 by default), a batch of 256. The runs take turns, so
that a change of the machine's load meets all of them; what counts is the median over rounds of the ratio within a
round. The last word is the speed of gcbc in steps per second of processor time. Next to OGBench's, in one run:

    python benchmarks/side_by_side.py 3 'python benchmarks/gcbc_speed.py 3' \\
        'PEERS/ogbench/bin/python benchmarks/peers/ogbench_gcbc_speed.py'

where PEERS/ogbench is a virtual environment with benchmarks/peers/ogbench.txt installed.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.training import Training
from ilkit.env import point_maze
from ilkit.expert import wander
from ilkit.imitate import bc, gcbc
from ilkit.network.mlp import MLP, network
from ilkit.policy import gaussian
from ilkit.running import loop
from ilkit.running.backend import set_up
from ilkit.stepping.episodes import collect_episodes

CHUNK = 1000
SETTINGS = {"learning_rate": 3e-4, "batch_size": 256, "num_steps": 10_000_000}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    width = int(sys.argv[2]) if len(sys.argv) > 2 else 256
    set_up(1, sys.argv[3] if len(sys.argv) > 3 else "avx2")
    env = Build("env", "point_maze", point_maze.env, point_maze.PointMaze(at_goal="stay"))
    play = wander.expert(wander.Wander(), env, key=jax.random.key(0))
    run = collect_episodes(env(), play, num_episodes=1000, key=jax.random.key(0), stochastic=True)
    demos = run.demonstrations("executed")
    inner = (Build("network", "mlp", network, MLP(hidden=(width, width), activation="relu")),)
    head = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(state_dependent_std=False), inner)
    makes = {
        "bc": lambda *, key: bc.imitate(bc.BC(**SETTINGS), head, demos, key=key),
        "gcbc uniform": lambda *, key: gcbc.imitate(gcbc.GCBC(**SETTINGS), head, demos, key=key),
        "gcbc geometric": lambda *, key: gcbc.imitate(
            gcbc.GCBC(strategy="geometric", **SETTINGS), head, demos, key=key
        ),
    }
    runs = {name: chunks_of(make) for name, make in makes.items()}
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.process_time()
            run()
            seconds[name].append(time.process_time() - began)
    for name, times in seconds.items():
        share = median(np.divide(seconds["bc"], times))
        print(f"{name}: {CHUNK / median(times):,.0f} steps a second, {share:.2f} of bc")
    print(f"ilkit imitate.gcbc: {CHUNK / median(seconds['gcbc uniform']):,.0f}")


def chunks_of(make: Callable[..., Training[Any]]) -> Callable[[], Any]:
    """Runs a chunk, driven by the loop of the runner; each call goes on where the last one stopped."""
    training, key = loop.prepare(make, (), key=jax.random.key(0), num_seeds=1)
    chunks = loop.advance(training, loop.start(training, 1), key=key, num_seeds=1, chunk_size=CHUNK)
    return lambda: jax.block_until_ready(next(chunks).state)


if __name__ == "__main__":
    main()
