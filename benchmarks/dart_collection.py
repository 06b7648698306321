"""What DART's noise costs the expert while it demonstrates, and what it gives its clone: MuJoCo on the host.

    NPROC=1 python benchmarks/dart_collection.py FOLDER [TASK ...]

FOLDER holds `cs285/`, the experts of the course CS 285 (Levine, UC Berkeley) as weights. 8 episodes in 4 rounds, beside
the same 8 episodes without noise; the clones learn from every 50th step of them, 5 training seeds, 10 episodes each.
Laskey et al. (2017) report that the supervisor's return drops by 5 %.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np
from published_cloning import weights

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.env import gymnasium
from ilkit.imitate.bc import BC, imitate
from ilkit.math.statistics import interquartile_mean
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.rollout import dart, episodes
from ilkit.running import loop
from ilkit.stepping.episodes import collect_all

ROUNDS, EPISODES, EVERY = 4, 8, 50
HEAD = "| task | expert | with noise, by round | share | plain clone | DART's clone | seconds |"


def main() -> None:
    folder, tasks = Path(sys.argv[1]), sys.argv[2:] or ["HalfCheetah-v4", "Ant-v4"]
    print(
        "| task | expert | with noise, by round | share | plain clone | DART's clone | seconds |\n" + "| --- " * 7 + "|"
    )
    for task in tasks:
        began = time.perf_counter()
        world = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id=task))
        expert = weights(folder / f"cs285/{task}.expert.npz", task)[0]
        key = jax.random.key(0)
        plain = episodes.rollout(episodes.Episodes(num_episodes=EPISODES), world, expert, key=key)
        noisy = dart.rollout(
            dart.DART(num_episodes=EPISODES, num_rounds=ROUNDS, num_gradient_steps=5000), world, expert, key=key
        )
        rounds = " ".join(f"{part.mean():,.0f}" for part in np.array_split(noisy.returns, ROUNDS))
        clones = [cloned(demos, world) for demos in (plain, noisy)]
        print(
            f"| {task} | {plain.returns.mean():,.0f} | {rounds} | {noisy.returns.mean() / plain.returns.mean():.1%} "
            f"| {clones[0]} | {clones[1]} | {time.perf_counter() - began:.0f} |",
            flush=True,
        )


def cloned(demos: Demonstrations, world: Build) -> str:
    """The interquartile mean of the clones' returns, and its extremes over seeds."""
    head = Build("policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP()),))
    spec, few = BC(num_steps=5000, num_seeds=5), thinned(demos)
    learnt = loop.train(lambda key: imitate(spec, head, few, key=key), key=jax.random.key(1), num_seeds=5)
    runs = collect_all(world(), [(one, False) for one in learnt], num_episodes=10, key=jax.random.key(2))
    returns = np.asarray([run.returns.mean() for run in runs])
    return f"{interquartile_mean(returns):,.0f} [{returns.min():,.0f}, {returns.max():,.0f}]"


def thinned(demos: Demonstrations) -> Demonstrations:
    """Every so many-th step of all episodes, as episodes of one step."""
    rows = np.concatenate([np.arange(*ends, EVERY) for ends in zip(demos.starts, demos.stops, strict=True)])
    count, zeros = len(rows), np.zeros(len(rows), bool)
    return Demonstrations(
        obs=np.stack([demos.before(rows), demos.after(rows)], axis=1).reshape(2 * count, -1),
        actions=demos.actions[rows],
        rewards=demos.rewards[rows],
        terminated=zeros,
        truncated=~zeros,
        lengths=np.ones(count, np.int32),
        spaces=demos.spaces,
    )


if __name__ == "__main__":
    main()
