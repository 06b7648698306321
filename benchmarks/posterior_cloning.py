"""Posterior cloning on a ledge whose leap nearly nobody demonstrated: what it costs, and what tuning makes of it.

    NPROC=1 python benchmarks/posterior_cloning.py [SEEDS [ROUNDS]]

Clones of 6 whole demonstrations and 60 that end at the edge are tuned by `filtered_bc`, whose tries are samples of the
policy itself: 120 rounds of 64 environments x 41 steps. Plain cloning, the same noise everywhere on the targets (σ-BC)
at five scales, and noise of α² times the covariance of an ensemble of 10. Returns are the share of landed leaps on 512
episodes, the same ones for all; ± is one standard error over training seeds, each with an ensemble of its own.

Before it, exactly: how often a clone of 5 pulls of a bandit rules both of its rare arms out, and what their mixture
with the posterior gives them.
"""

import sys
import time
from functools import partial
from typing import Any

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.seeds import Seeds
from ilkit.env import ledge
from ilkit.expert import scripted
from ilkit.exploration import own_density
from ilkit.finetune.filtered_bc import FilteredBC, finetune
from ilkit.imitate.posterior_bc import PosteriorBC, imitate
from ilkit.math.posterior import cloned_probabilities, pretrained_probabilities
from ilkit.network.mlp import MLP, network
from ilkit.policy import deterministic, gaussian
from ilkit.rollout import episodes
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.uncertainty.bootstrap import Bootstrap, uncertainty

ENV = Build("env", "ledge", ledge.env, ledge.Ledge())
EXPLORATION = Build(
    "exploration", "own_density", own_density.exploration, own_density.OwnDensity(), optional=("uncertainty",)
)
NETWORK = Build("network", "mlp", network, MLP(hidden=(64, 64)))
SETTINGS: tuple[tuple[str, dict[str, float], float], ...] = (
    ("BC", {"alpha": 0.0}, 1.0),
    *((f"σ-BC, σ = {sigma}", {"alpha": 0.0, "target_noise": sigma}, 1.0) for sigma in (0.03, 0.05, 0.1, 0.2, 0.3)),
    *((f"posterior, α = {alpha:g}", {"alpha": alpha}, 1.0) for alpha in (1.0, 2.0, 3.0)),
    ("BC, mean_emphasis .5", {"alpha": 0.0}, 0.5),
    ("posterior, α = 3, mean_emphasis .5", {"alpha": 3.0}, 0.5),
)
HEAD = "| targets | pretrained: mode | sample | tuned: mode | sample | seconds |"


def main() -> None:
    given = [int(number) for number in sys.argv[1:]]
    count, rounds = given + [10, 120][len(given) :]
    print(coverage(), end="\n\n")
    demos = demonstrations()
    fitted = Bootstrap(num_members=10, num_steps=2500, num_seeds=count)
    head = Build("policy", "deterministic", deterministic.policy, deterministic.Deterministic(), (NETWORK,))
    known = loop.train(lambda key: uncertainty(fitted, head, demos, key=key), key=jax.random.key(2), num_seeds=count)
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    for name, settings, emphasis in SETTINGS:
        report(name, PosteriorBC(num_steps=3000, num_seeds=count, **settings), emphasis, rounds, demos, known)


def coverage() -> str:
    """A bandit with an expert that pulls two of three arms in 2 % of tries each, in 200,000 data sets of 5 pulls."""
    pulls = np.random.default_rng(0).choice(3, size=(200_000, 5), p=[0.96, 0.02, 0.02])
    counts = jax.nn.one_hot(pulls, 3).sum(axis=1)
    blind = np.asarray((cloned_probabilities(counts)[:, 1:] == 0).all(axis=-1))
    least = [float(pretrained_probabilities(counts, alpha)[:, 1:].min()) for alpha in (0.0, 0.5, 1.0)]
    given = ", ".join(f"{share:.4f}" for share in least)
    ruled_out = f"both rare arms ruled out: {blind.mean():.4f} (exactly .8154)"
    return f"{ruled_out}; a rare arm gets at least {given} at α = 0, .5, 1"


def demonstrations() -> Demonstrations:
    """6 whole episodes, and 60 that end at the edge."""
    expert = scripted.expert(scripted.Scripted(), ENV, key=jax.random.key(0))
    specs = episodes.Episodes(num_episodes=6), episodes.Episodes(num_episodes=60, max_steps=40)
    return concatenate(
        [episodes.rollout(spec, ENV, expert, key=jax.random.key(number)) for number, spec in enumerate(specs)]
    )


def report(
    name: str, spec: PosteriorBC, emphasis: float, rounds: int, demos: Demonstrations, known: Seeds[Any]
) -> None:
    """A row of the table."""
    began = time.perf_counter()
    chosen = gaussian.Gaussian(mean_emphasis=emphasis)
    head = Build("policy", "gaussian", gaussian.policy, chosen, (NETWORK,))
    train = partial(loop.train, num_seeds=len(known))
    cloned = train(lambda known, key: imitate(spec, head, demos, known, key=key), known.stacked, key=jax.random.key(3))
    tuning = FilteredBC(threshold=1.0, best_share=None, num_steps=rounds, num_seeds=len(known))
    tuned = train(
        lambda cloned, key: finetune(tuning, EXPLORATION, ENV, cloned, demos=demos, key=key),
        cloned.stacked,
        key=jax.random.key(4),
    )
    cells = [told(policies, stochastic) for policies in (cloned, tuned) for stochastic in (False, True)]
    print(f"| {name} | {' | '.join(cells)} | {time.perf_counter() - began:.0f} |", flush=True)


def told(policies: Seeds[Any], stochastic: bool) -> str:
    """The share of landed leaps, with its standard error over seeds."""
    found = [
        collect_episodes(ENV(), policy, num_episodes=512, key=jax.random.key(9), stochastic=stochastic).returns.mean()
        for policy in policies
    ]
    return f"{np.mean(found):.3f} ± {np.std(found, ddof=1) / np.sqrt(len(found)):.3f}"


if __name__ == "__main__":
    main()
