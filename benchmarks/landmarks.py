"""Landmarks in OGBench's point mazes: how often the five tasks of each are solved, by seed and by setting.

    NPROC=1 python benchmarks/landmarks.py [LAYOUT...]

A million steps of waypoints with action noise .5, in 1,000 episodes; 300, 400 and 600 landmarks; a Gaussian head with
one standard deviation on 2 × 256 units, 5,000 steps of 256; five training seeds, trained one after the other, 100
episodes of each. `flat` is the same clone asked for the goal itself, `never gives up` has a patience without end.
"""

import sys
import time
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
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
HEAD = "| maze | | acts by | solved, by seed | by task | steps of those solved | graph, s | a seed, s |"


def main() -> None:
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    for layout in sys.argv[1:] or NUM_LANDMARKS:
        demos = recorded(layout)
        policies, seconds = trained(layout, demos, one_std=True)
        show(layout, "landmarks", policies, seconds)
        show(layout, "never gives up", never(policies))
        show(layout, "reach 25", [replace(one, reach=jnp.int32(25)) for one in policies])
        show(layout, "flat", [one.inner for one in policies])
        show(layout, "goals as places", *trained(layout, demos, one_std=True, relative=False))
        policies, seconds = trained(layout, demos, one_std=False)
        show(layout, "deterministic head", policies, seconds)
        show(layout, "deterministic head, never gives up", never(policies))


def never(policies: list[Any]) -> list[Any]:
    return [replace(one, patience=jnp.int32(NEVER)) for one in policies]


def show(layout: str, name: str, policies: list[Any], seconds: str = " | ") -> None:
    for stochastic in (False, True) if policies[0].is_stochastic else (False,):
        print(f"| {layout} | {name} | {tried(layout, policies, stochastic)} | {seconds} |", flush=True)


def maze(layout: str, **settings: Any) -> Build[Any]:
    return Build("env", "point_maze", point_maze.env, point_maze.PointMaze(layout=layout, **settings))


def recorded(layout: str) -> Demonstrations:
    env = maze(layout, at_goal="new_goal")
    expert = waypoints.expert(waypoints.Waypoints(), env, key=jax.random.key(0))
    run = collect_episodes(env(), expert, num_episodes=1000, key=jax.random.key(0), action_noise=0.5)
    return run.demonstrations("executed")


def head(one_std: bool) -> Build[Policy]:
    inner = (Build("network", "mlp", network, MLP(hidden=(256, 256), activation="relu")),)
    if one_std:
        return Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(state_dependent_std=False), inner)
    return Build("policy", "deterministic", deterministic.policy, deterministic.Deterministic(), inner)


def trained(layout: str, demos: Demonstrations, one_std: bool, **settings: Any) -> tuple[list[Any], str]:
    """The policies of all seeds, and the seconds of the processor that the graph took, and a seed with it."""
    spec = Landmarks(num_landmarks=NUM_LANDMARKS[layout], batch_size=256, **settings)
    began = time.process_time()
    draw_graph(spec, demos)
    graph, began = time.process_time() - began, time.process_time()
    runs = [
        loop.train(lambda *, key: imitate(spec, head(one_std), demos, key=key), key=jax.random.key(seed))
        for seed in range(NUM_SEEDS)
    ]
    jax.block_until_ready([one.stacked for one in runs])
    return [one[0] for one in runs], f"{graph:.1f} | {(time.process_time() - began) / NUM_SEEDS:.0f}"


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
