"""What DART's noise costs the expert while it demonstrates, and what it gives its clone: MuJoCo on the host.

    NPROC=1 python benchmarks/dart_collection.py FOLDER [TASK ...]

FOLDER holds `cs285/`, the experts of the course CS 285 (Levine, UC Berkeley) as weights. In each of 10 runs, 8 episodes
in 4 rounds, beside the same 8 episodes without noise; clones learn from every 50th step of them, 160 pairs, and are run
for 5 episodes. Laskey et al. (2017) report that the supervisor's return drops by 5 %.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from published_cloning import weights

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.env import gymnasium
from ilkit.imitate.bc import BC, imitate
from ilkit.math.statistics import interquartile_mean
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.rollout import dart, episodes
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

ROUNDS, EPISODES, EVERY, RUNS = 4, 8, 50, 10
HEAD = "| task | expert | with noise, by round | share | plain clone | DART's clone | DART better | seconds |"


def main() -> None:
    folder, tasks = Path(sys.argv[1]), sys.argv[2:] or ["HalfCheetah-v4", "Ant-v4"]
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    for task in tasks:
        began = time.perf_counter()
        world = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id=task))
        expert = weights(folder / f"cs285/{task}.expert.npz", task)[0]
        pairs = [recorded(world, expert, key=jax.random.key(run)) for run in range(RUNS)]
        plain, noisy = (np.stack([one.returns for one in kind]) for kind in zip(*pairs, strict=True))
        rounds = " ".join(f"{part.mean():,.0f}" for part in np.array_split(noisy, ROUNDS, axis=1))
        without, with_noise = (
            np.asarray([cloned(one, world, key=jax.random.key(run)) for run, one in enumerate(kind)])
            for kind in zip(*pairs, strict=True)
        )
        print(
            f"| {task} | {plain.mean():,.0f} | {rounds} | {noisy.mean() / plain.mean():.1%} | {told(without)} "
            f"| {told(with_noise)} | {np.sum(with_noise > without)} of {RUNS} | {time.perf_counter() - began:.0f} |",
            flush=True,
        )


def recorded(world: Build, expert: Policy, *, key: PRNGKeyArray) -> tuple[Demonstrations, Demonstrations]:
    """Episodes without noise and with it."""
    spec = dart.DART(num_episodes=EPISODES, num_rounds=ROUNDS, num_gradient_steps=5000)
    plain = episodes.rollout(episodes.Episodes(num_episodes=EPISODES), world, expert, key=key)
    return plain, dart.rollout(spec, world, expert, key=key)


def cloned(demos: Demonstrations, world: Build, *, key: PRNGKeyArray) -> float:
    """The mean return of a clone."""
    head = Build("policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP()),))
    few = thinned(demos)
    (learnt,) = loop.train(lambda key: imitate(BC(num_steps=5000), head, few, key=key), key=key)
    return float(collect_episodes(world(), learnt, num_episodes=5, key=jax.random.key(100)).returns.mean())


def told(returns: np.ndarray) -> str:
    """The interquartile mean and the extremes over runs."""
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
