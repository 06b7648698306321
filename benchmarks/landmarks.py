"""Landmarks in OGBench's point mazes: how often the five tasks of each are solved, by seed and by setting.

    NPROC=1 python benchmarks/landmarks.py [LAYOUT...]

A million steps of waypoints with action noise .5, in 1,000 episodes; 300, 400 and 600 landmarks; a Gaussian head with
one standard deviation on 2 × 256 units, 5,000 steps of 256; five training seeds, trained one after the other, 100
episodes of each. `flat` is the same clone asked for the goal itself.
"""

import sys
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.policy import Policy
from ilkit.env import point_maze
from ilkit.expert import waypoints
from ilkit.imitate.landmarks import Landmarks, draw_graph, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic, gaussian
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

NUM_SEEDS, NUM_EPISODES = 5, 100
NUM_LANDMARKS = {"medium": 300, "large": 400, "giant": 600}
NEVER = 1_000_000
SETTINGS: dict[str, dict[str, Any]] = {
    "landmarks": {},
    "never gives up": {"patience": NEVER},
    "reach 25": {"reach": 25},
    "goals as places": {"relative": False},
    "deterministic head": {},
}
HEAD = "| maze | | acts by | solved, by seed | by task | steps of those solved | graph, s | a seed, s |"


def main() -> None:
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    for layout in sys.argv[1:] or NUM_LANDMARKS:
        demos = recorded(layout)
        for name, settings in SETTINGS.items():
            spec = Landmarks(num_landmarks=NUM_LANDMARKS[layout], batch_size=256, **settings)
            began = time.process_time()
            draw_graph(spec, demos)
            graph_seconds = time.process_time() - began
            began = time.process_time()
            policies = list(trained(spec, head(name.startswith("deterministic")), demos))
            seconds = (time.process_time() - began) / NUM_SEEDS
            ways = f"{graph_seconds:.1f} | {seconds:.0f}"
            for stochastic in (False,) if name.startswith("deterministic") else (False, True):
                print(f"| {layout} | {name} | {tried(layout, policies, stochastic)} | {ways} |", flush=True)
            if name == "landmarks":
                flat = [policy.inner for policy in policies]
                print(f"| {layout} | flat | {tried(layout, flat, False)} | | |", flush=True)


def maze(layout: str, **settings: Any) -> Build[Any]:
    return Build("env", "point_maze", point_maze.env, point_maze.PointMaze(layout=layout, **settings))


def recorded(layout: str) -> Demonstrations:
    env = maze(layout, at_goal="new_goal")
    expert = waypoints.expert(waypoints.Waypoints(), env, key=jax.random.key(0))
    run = collect_episodes(env(), expert, num_episodes=1000, key=jax.random.key(0), action_noise=0.5)
    return run.demonstrations("executed")


def head(is_deterministic: bool) -> Build[Policy]:
    inner = (Build("network", "mlp", network, MLP(hidden=(256, 256), activation="relu")),)
    if is_deterministic:
        return Build("policy", "deterministic", deterministic.policy, deterministic.Deterministic(), inner)
    return Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(state_dependent_std=False), inner)


def trained(spec: Landmarks, policy: Build[Policy], demos: Demonstrations) -> Iterator[Any]:
    for seed in range(NUM_SEEDS):
        seeds = loop.train(lambda *, key: imitate(spec, policy, demos, key=key), key=jax.random.key(seed))
        yield jax.block_until_ready(seeds[0])


def tried(layout: str, policies: list[Any], stochastic: bool) -> str:
    """The shares of episodes that came to the goal, by seed and over seeds by task, and the steps that it took."""
    env = maze(layout, pairs="tasks")()
    runs = [
        collect_episodes(env, policy, num_episodes=NUM_EPISODES, key=jax.random.key(9), stochastic=stochastic)
        for policy in policies
    ]
    solved = np.stack([run.returns > 0 for run in runs])
    tasks = task_of(env, runs[0])
    by_task = ", ".join(f"{solved[:, tasks == task].mean():.0%}" for task in range(len(env.pairs)))
    steps = np.concatenate([run.lengths[run.returns > 0] for run in runs])
    by_seed = ", ".join(f"{share:.0%}" for share in solved.mean(axis=1))
    took = f"{steps.mean():.0f}" if len(steps) else ""
    return f"{'samples' if stochastic else 'mode'} | {by_seed} | {by_task} | {took}"


def task_of(env: Any, run: Any) -> np.ndarray:
    """The number of the task that each episode was."""
    ends = np.concatenate([run.obs[ACHIEVED][:, 0], run.obs[DESIRED][:, 0]], axis=1)
    middles = np.asarray(env.middles)[np.asarray(env.pairs)].reshape(-1, 4)
    return np.abs(ends[:, None] - middles).max(axis=2).argmin(axis=1)


if __name__ == "__main__":
    main()
