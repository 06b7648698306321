"""How fast `finetune` runs on pendulum: environment steps a second for ppo, updates of the critics for the others.

    NPROC=1 python benchmarks/finetune_speed.py ppo|td3|sac|rlpd [WIDTH]

ppo: 64 environments, 64 steps, 8 epochs, 8 minibatches; td3 and sac: one update for each step of the environment;
rlpd: ten normalized critics, 20 updates for each step, half of each batch from demonstrations. Batches of 256, networks
of 2 × 64, or critics of 2 × WIDTH, as many as the peer's: two, and ten of rlpd; nothing holds an actor to the clone.
Next to a peer, in one run:

    python benchmarks/side_by_side.py 5 'python benchmarks/finetune_speed.py sac' \
        'PEERS/rejax/bin/python benchmarks/peers/rejax_speed.py sac'

where PEERS/rejax is a virtual environment with benchmarks/peers/rejax.txt installed (torch==2.13.0 first for sb3.txt);
rlpd next to benchmarks/least_rlpd.py, the same updates written as one loop.
"""

import sys
import time
from statistics import median

import jax

from ilkit.data.build import Build
from ilkit.data.training import Training
from ilkit.env.pendulum import Pendulum, env
from ilkit.expert.swing_up import SwingUp, expert
from ilkit.exploration import isotropic, own_density
from ilkit.finetune import ppo, rlpd, sac, td3
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic, gaussian
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

CHUNKS = {"ppo": 25, "td3": 500, "sac": 500, "rlpd": 10}
UPDATES_PER_ENV_STEP = {"rlpd": 20}


def main() -> None:
    kind, hidden = sys.argv[1], (int(sys.argv[2]) if len(sys.argv) > 2 else 64,) * 2
    training, key = loop.prepare(lambda key: tuned(kind, hidden, key), (), key=jax.random.key(0), num_seeds=1)
    per_step = training.env_steps_per_step * UPDATES_PER_ENV_STEP.get(kind, 1)
    progress, speeds = loop.start(training, 1), []
    chunks = loop.advance(training, progress, key=key, num_seeds=1, chunk_size=CHUNKS[kind])
    next(chunks)
    for _ in range(5):
        began = time.process_time()
        jax.block_until_ready(next(chunks).state)
        speeds.append(CHUNKS[kind] * per_step / (time.process_time() - began))
    print(f"ilkit finetune.{kind}: {median(speeds):,.0f}")


def tuned(kind: str, hidden: tuple[int, ...], key: jax.Array) -> Training:
    world = Build("env", "pendulum", env, Pendulum())
    inner, optional = Build("network", "mlp", network, MLP()), ("uncertainty",)
    noise = Build("exploration", "isotropic", isotropic.exploration, isotropic.Isotropic(), optional=optional)
    own = Build("exploration", "own_density", own_density.exploration, own_density.OwnDensity(), optional=optional)
    plain = deterministic.policy(deterministic.Deterministic(), inner, world().spaces, key=key)
    squashed = gaussian.policy(gaussian.Gaussian(squash=True), inner, world().spaces, key=key)
    if kind == "ppo":
        return ppo.finetune(ppo.PPO(num_steps=1000), noise, world, plain, key=key)
    if kind == "td3":
        return td3.finetune(
            td3.TD3(num_steps=100_000, critic_hidden=hidden, num_critics=2, pessimism=None, clone_weight=None),
            noise,
            world,
            plain,
            key=key,
        )
    if kind == "sac":
        return sac.finetune(
            sac.SAC(num_steps=100_000, critic_hidden=hidden, num_critics=2, pessimism=None, clone_weight=None),
            own,
            world,
            squashed,
            key=key,
        )
    shown = collect_episodes(world(), expert(SwingUp(), world, key=key), num_episodes=3, key=key).demonstrations()
    spec = rlpd.RLPD(num_steps=100_000, critic_hidden=hidden, pessimism=None)
    return rlpd.finetune(spec, own, world, squashed, demos=shown, key=key)


if __name__ == "__main__":
    main()
