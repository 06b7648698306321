"""How fast `finetune` runs on pendulum: environment steps a second for ppo, updates a second for td3.

    NPROC=1 python benchmarks/finetune_speed.py ppo|td3

ppo: 64 environments, 64 steps, 8 epochs, 8 minibatches, networks of 2 × 64; td3: batches of 256, networks of
2 × 64, one update for each step of the environment. Next to a peer, in one run:

    python benchmarks/side_by_side.py 5 'python benchmarks/finetune_speed.py ppo' \
        'PEERS/rejax/bin/python benchmarks/peers/rejax_speed.py ppo'

where PEERS/rejax is a virtual environment with benchmarks/peers/rejax.txt installed (torch==2.13.0 first for sb3.txt).
"""

import sys
import time
from statistics import median

import jax

from ilkit.data.build import Build
from ilkit.data.training import Training
from ilkit.env.pendulum import Pendulum, env
from ilkit.exploration.isotropic import Isotropic, exploration
from ilkit.finetune import ppo, td3
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop

CHUNKS = {"ppo": 25, "td3": 500}


def main() -> None:
    kind = sys.argv[1]
    training, key = loop.prepare(lambda key: tuned(kind, key), (), key=jax.random.key(0), num_seeds=1)
    per_step = training.env_steps_per_step  # with one update for each step of the environment, also its updates
    progress, speeds = loop.start(training, 1), []
    chunks = loop.advance(training, progress, key=key, num_seeds=1, chunk_size=CHUNKS[kind])
    next(chunks)
    for _ in range(5):
        began = time.perf_counter()
        jax.block_until_ready(next(chunks).state)
        speeds.append(CHUNKS[kind] * per_step / (time.perf_counter() - began))
    print(f"ilkit finetune.{kind}: {median(speeds):,.0f}")


def tuned(kind: str, key: jax.Array) -> Training:
    world = Build("env", "pendulum", env, Pendulum())
    noise = Build("exploration", "isotropic", exploration, Isotropic(scale=0.5))
    spaces = world().spaces
    clone = policy(Deterministic(), Build("network", "mlp", network, MLP()), spaces, key=key)
    if kind == "ppo":
        return ppo.finetune(ppo.PPO(num_steps=1000), noise, world, clone, key=key)
    return td3.finetune(td3.TD3(num_steps=100_000), noise, world, clone, key=key)


if __name__ == "__main__":
    main()
