"""Practice in a maze: how many goals are reached from one start, beside the same updates on random data.

    NPROC=1 python benchmarks/maze_practice.py

OGBench's medium maze from one corner, in steps of 0.8, 60 an episode; 150 rounds of 8 episodes, the first 10 of them
random, and 100 updates of 256; a Gaussian head with one standard deviation, three training seeds in one compiled call.
"""

import time

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.env import point_maze
from ilkit.interact.gcsl import GCSL, interact
from ilkit.network.mlp import MLP, network
from ilkit.policy import gaussian
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

NUM_SEEDS, NUM_EPISODES = 3, 500
MAZE = point_maze.PointMaze(pairs="from_first", speed=0.8, max_steps=60, at_goal="stay")
HEAD = "| data | acts by | at the goal at the end, by seed | at any time, by seed | s |"


def main() -> None:
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    env = Build("env", "point_maze", point_maze.env, MAZE)
    inner = (Build("network", "mlp", network, MLP(hidden=(256, 256), activation="relu")),)
    one_std = gaussian.Gaussian(state_dependent_std=False)
    head = Build("policy", "gaussian", gaussian.policy, one_std, inner)
    for collect in (True, False):
        spec = GCSL(
            **{"num_rounds": 150, "num_envs": 8, "updates": 100, "batch_size": 256, "random_rounds": 10},
            **{"collect": collect, "num_seeds": NUM_SEEDS},
        )
        began = time.process_time()
        seeds = loop.train(
            lambda *, key, spec=spec: interact(spec, head, env, key=key), key=jax.random.key(0), num_seeds=NUM_SEEDS
        )
        jax.block_until_ready(seeds.stacked)
        seconds = time.process_time() - began
        for stochastic in (False, True):
            found = [reached(env, one.policy, stochastic) for one in seeds]
            shares = (", ".join(f"{share:.1%}" for share in column) for column in zip(*found, strict=True))
            how = "samples" if stochastic else "mode"
            print(
                f"| {'practice' if collect else 'random'} | {how} | {' | '.join(shares)} | {seconds:.0f} |", flush=True
            )


def reached(env: Build, policy: object, stochastic: bool) -> tuple[float, float]:
    """The shares of episodes that were at the goal in their last step, and in any."""
    run = collect_episodes(env(), policy, num_episodes=NUM_EPISODES, key=jax.random.key(9), stochastic=stochastic)
    there = np.asarray(run.rewards) > 0
    return float(there[:, -1].mean()), float(there.any(axis=1).mean())


if __name__ == "__main__":
    main()
