"""How fast behavioral cloning trains on recorded demonstrations: gradient steps a second.

    python benchmarks/cloning_speed.py FILE.npz WIDTH BATCH [THREADS] [SEEDS]

A deterministic policy of 2 × WIDTH tanh units, Adam; the steps of all seeds are counted. Next to `imitation`, in one
run:

    python benchmarks/side_by_side.py 3 'python benchmarks/cloning_speed.py FILE.npz 64 100' \\
        'PEERS/imitation/bin/python benchmarks/peers/imitation_speed.py FILE.npz 64 100'

where PEERS/imitation is a virtual environment with benchmarks/peers/imitation.txt installed (torch==2.13.0 first).
"""

import sys
import time
from pathlib import Path
from statistics import median

import jax

from ilkit.data.build import Build
from ilkit.format.npz import NPZ, format
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop
from ilkit.running.backend import set_up


def main() -> None:
    path, width, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    threads, seeds = (int(given) for given in (*sys.argv[4:], "1", "1")[:2])
    set_up(threads, "avx2")
    demos = format(NPZ()).read(path)
    chunk = 20_000 if width <= 64 else 3_000
    head = Build("policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, _net(width)),))
    spec = BC(num_steps=10_000_000, batch_size=batch)
    training, key = loop.prepare(
        lambda key: imitate(spec, head, demos, key=key), (), key=jax.random.key(0), num_seeds=seeds
    )
    sizes = {"num_seeds": seeds, "num_threads": threads, "chunk_size": chunk}
    chunks = loop.advance(training, loop.start(training, seeds), key=key, **sizes)
    next(chunks)
    speeds = []
    for _ in range(3):
        began = time.perf_counter()
        jax.block_until_ready(next(chunks).state)
        speeds.append(seeds * chunk / (time.perf_counter() - began))
    print(f"ilkit imitate.bc: {median(speeds):,.0f}")


def _net(width: int) -> MLP:
    return MLP(hidden=(width, width))


if __name__ == "__main__":
    main()
