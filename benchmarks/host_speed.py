"""How fast a policy runs on the host, next to `env.step` alone on the same actions: steps a second, in one run.

    NPROC=1 python benchmarks/host_speed.py HalfCheetah-v5|Hopper-v5 [ROUNDS]

An untrained network of 2 × 64 acts with noise; "side by side" is 8 environments in one process, "two workers" runs
whole episodes in two processes, whose start and compilation are not counted: they are measured by a run that is short.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import gymnasium
import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.env.gymnasium import Gymnasium, env
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.stepping.episode_arrays import Episodes
from ilkit.stepping.episodes import collect_episodes

NUM_STEPS = 16_000


def main() -> None:
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # as the runner does
    name, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    alone, shared = (env(Gymnasium(id=name, num_workers=count)) for count in (1, 2))
    acting = policy(Deterministic(), Build("network", "mlp", network, MLP()), alone.spaces, key=jax.random.key(0))

    def collect(world: object, num_episodes: int) -> Episodes:
        return collect_episodes(world, acting, num_episodes=num_episodes, key=jax.random.key(0), action_noise=0.3)

    few = collect(alone, 16)
    num_episodes = max(16, int(16 * NUM_STEPS / few.lengths.sum()))
    recorded = collect(alone, num_episodes)
    steps = int(recorded.lengths.sum())
    speeds: dict[str, list[float]] = {"bare": [], "side by side": [], "two workers": []}
    for _ in range(rounds):
        speeds["bare"].append(steps / seconds(lambda: replay(name, recorded)))
        speeds["side by side"].append(steps / seconds(lambda: collect(alone, num_episodes)))
        start = seconds(lambda: collect(shared, 16)) - few.lengths.sum() / speeds["side by side"][-1] / 2
        speeds["two workers"].append(steps / (seconds(lambda: collect(shared, num_episodes)) - start))
    for label, found in speeds.items():
        share = median(one / bare for one, bare in zip(found, speeds["bare"], strict=True))
        print(f"{name}, {label}: {median(found):,.0f} steps a second, {share:.2f} of bare")


def replay(name: str, recorded: Episodes) -> None:
    world = gymnasium.make(name, disable_env_checker=True)
    for episode, length in enumerate(recorded.lengths):
        world.reset(seed=episode)
        for action in recorded.executed[episode, :length]:
            world.step(np.asarray(action))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
