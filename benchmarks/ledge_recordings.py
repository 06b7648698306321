"""What recordings that end at the edge do for exploring where clones disagree: the ledge with and without them.

    NPROC=1 python benchmarks/ledge_recordings.py [SEEDS [ROUNDS]]

Deterministic clones of whole recordings, and of such that end before the leap, are tuned by `filtered_bc` as in
pipelines/exploration: 160 rounds of 64 environments x 41 steps, with the same noise everywhere at three scales, or with
twice the standard deviation that an ensemble of 10 leaves. Returns are the share of leaps that the tuned mode lands on
256 episodes, the same ones for all; then the seed that lands least.
"""

import sys
import time
from typing import Any

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.env import ledge
from ilkit.expert import scripted
from ilkit.exploration import ensemble_covariance, isotropic
from ilkit.finetune.filtered_bc import FilteredBC, finetune
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic
from ilkit.rollout import episodes
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.uncertainty.bootstrap import Bootstrap, uncertainty

ENV = Build("env", "ledge", ledge.env, ledge.Ledge())
HEAD_OF_POLICY = Build(
    "policy",
    "deterministic",
    deterministic.policy,
    deterministic.Deterministic(squash=False),
    (Build("network", "mlp", network, MLP(hidden=(64, 64))),),
)
RECORDED = ((6, 60), (6, 0), (24, 0))
"""Whole recordings, and such that end at the edge."""


def explorations() -> dict[str, Build[Any]]:
    """The same noise everywhere at three scales, and that of the ensemble."""
    same = {
        f"isotropic, {scale:g}": Build(
            "exploration",
            "isotropic",
            isotropic.exploration,
            isotropic.Isotropic(scale=scale),
            optional=("uncertainty",),
        )
        for scale in (0.1, 0.15, 0.2)
    }
    spec = ensemble_covariance.EnsembleCovariance(alpha=2.0)
    covariance = Build(
        "exploration", "ensemble_covariance", ensemble_covariance.exploration, spec, optional=("uncertainty",)
    )
    return {**same, "covariance, α = 2": covariance}


def main() -> None:
    given = [int(number) for number in sys.argv[1:]]
    count, rounds = given + [5, 160][len(given) :]
    head = ("whole", "to the edge", "explores by", "landed", "least", "seconds")
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for whole, unfinished in RECORDED:
        report(whole, unfinished, demonstrations(whole, unfinished), count, rounds)


def demonstrations(whole: int, unfinished: int) -> Demonstrations:
    """So many recordings to the end, and so many to the edge."""
    expert = scripted.expert(scripted.Scripted(), ENV, key=jax.random.key(0))
    specs = [episodes.Episodes(num_episodes=whole)]
    if unfinished:
        specs.append(episodes.Episodes(num_episodes=unfinished, max_steps=40))
    return concatenate(
        [episodes.rollout(spec, ENV, expert, key=jax.random.key(number)) for number, spec in enumerate(specs)]
    )


def report(whole: int, unfinished: int, demos: Demonstrations, count: int, rounds: int) -> None:
    """The rows of these recordings."""
    fitted = Bootstrap(num_members=10, num_steps=2500, num_seeds=count)
    known = loop.train(
        lambda key: uncertainty(fitted, HEAD_OF_POLICY, demos, key=key), key=jax.random.key(2), num_seeds=count
    )
    spec = BC(num_steps=3000, num_seeds=count)
    cloned = loop.train(
        lambda key: imitate(spec, HEAD_OF_POLICY, demos, key=key), key=jax.random.key(3), num_seeds=count
    )
    tuning = FilteredBC(threshold=1.0, best_share=None, num_steps=rounds, num_seeds=count)
    for name, exploration in explorations().items():
        began = time.perf_counter()
        tuned = loop.train(
            lambda cloned, known, key, exploration=exploration: finetune(
                tuning, exploration, ENV, cloned, known, demos, key=key
            ),
            cloned.stacked,
            known.stacked,
            key=jax.random.key(4),
            num_seeds=count,
        )
        landed = [
            collect_episodes(ENV(), policy, num_episodes=256, key=jax.random.key(9)).returns.mean() for policy in tuned
        ]
        cells = (f"{np.mean(landed):.2f}", f"{np.min(landed):.2f}", f"{time.perf_counter() - began:.0f}")
        print(f"| {whole} | {unfinished} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
