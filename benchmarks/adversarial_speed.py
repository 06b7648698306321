"""How fast `match.gail` and `match.airl` run on a pole on a cart: environment steps a second of processor time.

    NPROC=1 python benchmarks/adversarial_speed.py gail|airl [peer|default]

peer: 8 environments, 256 steps, batches of 64 in 5 epochs, 8 steps of the discriminator of 1,024 demonstrated and as
many tried steps, in networks of 2 × 64 (policy and critic) and 2 × 32 (discriminator): the settings of `imitation`.
default: those of the kinds, 64 environments, 32 steps, 8 minibatches in 4 epochs, 4 steps of the discriminator of 512,
in networks of 2 × 64. Compilation, which is printed first, is left out of the speed. Next to the peer, in one run:

    python benchmarks/side_by_side.py 3 'python benchmarks/adversarial_speed.py gail' \
        'PEERS/imitation/bin/python benchmarks/peers/imitation_adversarial_speed.py gail'

where PEERS/imitation is a virtual environment with benchmarks/peers/imitation.txt installed (torch==2.13.0 first). At
least 15 times its speed is asked of gail and 12 of airl with its settings, 25 and 20 with those of the kinds.
"""

import sys
import time
from statistics import median
from typing import Any

import jax

from ilkit.data.build import Build
from ilkit.data.training import Training
from ilkit.env.cart_pole import CartPole, env
from ilkit.match import airl, gail
from ilkit.network.mlp import MLP, network
from ilkit.policy.categorical import Categorical, policy
from ilkit.running import loop
from ilkit.testing.stand_ins import wandering

PEER = {
    **{"num_envs": 8, "rollout_length": 256, "num_epochs": 5, "num_minibatches": 32},
    **{"num_discriminator_steps": 8, "discriminator_batch_size": 1024, "discriminator_hidden": (32, 32)},
}
CHUNK, ROUNDS = 20, 7


def main() -> None:
    kind, settings = sys.argv[1], {} if sys.argv[2:] == ["default"] else PEER
    training, key = loop.prepare(lambda key: matched(kind, settings, key), (), key=jax.random.key(0), num_seeds=1)
    began = time.process_time()
    chunks = loop.advance(training, loop.start(training, 1), key=key, num_seeds=1, chunk_size=CHUNK)
    jax.block_until_ready(next(chunks).state)
    first, speeds = time.process_time() - began, []
    for _ in range(ROUNDS):
        began = time.process_time()
        jax.block_until_ready(next(chunks).state)
        speeds.append(CHUNK * training.env_steps_per_step / (time.process_time() - began))
    print(f"compiled in {first - CHUNK * training.env_steps_per_step / median(speeds):.1f} s of processor time")
    print(f"ilkit match.{kind}: {median(speeds):,.0f}")


def matched(kind: str, settings: dict[str, Any], key: jax.Array) -> Training[Any]:
    world = Build("env", "cart_pole", env, CartPole())
    head = Build("policy", "categorical", policy, Categorical(), (Build("network", "mlp", network, MLP()),))
    module, spec = (gail, gail.GAIL) if kind == "gail" else (airl, airl.AIRL)
    demos = wandering(world(), 100)
    return module.match(spec(num_steps=CHUNK * (ROUNDS + 1), **settings), head, world, demos, key=key)


if __name__ == "__main__":
    main()
