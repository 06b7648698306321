"""What 10 bootstrap members trained in one call cost, against one: at most 9 times as much.

    NPROC=1 python benchmarks/bootstrap_cost.py

The demonstrations are those of the pendulum's expert; the network has 2 × 64 tanh units, the batch 100 transitions.
One member is `uncertainty.bootstrap` with a single member, or `imitate.bc`, which draws its batches more simply.
Chunks of the runs take turns, so that a change of the machine's load meets all of them; the fastest chunk counts.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import jax

from ilkit.data.build import Build
from ilkit.data.training import Training
from ilkit.env.pendulum import Pendulum, env
from ilkit.expert.swing_up import SwingUp, expert
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.running import loop
from ilkit.uncertainty.bootstrap import Bootstrap, uncertainty

NUM_CHUNKS, CHUNK_SIZE = 12, 500
NUM_STEPS = NUM_CHUNKS * CHUNK_SIZE


def main() -> None:
    pendulum = Build("env", "pendulum", env, Pendulum())
    taught = expert(SwingUp(), pendulum, key=jax.random.key(0))
    demos = rollout(Episodes(num_episodes=20), pendulum, taught, key=jax.random.key(1))
    head = Build("policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP()),))

    def bootstrap(num_members: int) -> Callable[..., Training[Any]]:
        spec = Bootstrap(num_steps=NUM_STEPS).model_copy(update={"num_members": num_members})
        return lambda key: uncertainty(spec, head, demos, key=key)

    runs = {
        "one member": chunks(bootstrap(1)),
        "imitate.bc": chunks(lambda key: imitate(BC(num_steps=NUM_STEPS), head, demos, key=key)),
        "10 members": chunks(bootstrap(10)),
    }
    microseconds = fastest(runs)
    for name, value in microseconds.items():
        print(f"{name}: {value:7.1f} µs a step; 10 members cost {microseconds['10 members'] / value:.2f} times as much")


def chunks(make: Callable[..., Training[Any]]) -> Iterator[Any]:
    training, key = loop.prepare(make, (), key=jax.random.key(2), num_seeds=1)
    return loop.advance(training, loop.start(training, 1), key=key, num_seeds=1, chunk_size=CHUNK_SIZE)


def fastest(runs: dict[str, Iterator[Any]]) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for chunk in range(NUM_CHUNKS):
        for name, run in runs.items():
            began = time.perf_counter()
            jax.block_until_ready(next(run).state)
            if chunk > 0:  # the first one compiles
                best[name] = min(best[name], (time.perf_counter() - began) / CHUNK_SIZE * 1e6)
    return best


if __name__ == "__main__":
    main()
