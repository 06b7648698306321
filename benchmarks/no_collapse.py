"""How far a clone falls while reinforcement improves it: the return of its mode along training.

    NPROC=1 python benchmarks/no_collapse.py [VARIANT ...]

Pendulum, three recorded swing-ups, a squashed Gaussian clone of 3,000 steps; 8,000 steps of the environment where a
critic of actions is learnt (of rlpd 4,000, each with 20 updates), 123,000 in 30 iterations by rollouts, 130,000 in 10
rounds of filtered_bc; the return of the mode on 64 fixed starts ten times on the way. 0 is a random policy's, 1 the
clone's. Variants are those of `VARIANTS`, by default all: the settings as shipped, and with what keeps the clone taken
away.
"""

import sys
from typing import Any

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.env import pendulum
from ilkit.expert import swing_up
from ilkit.exploration import isotropic, own_density
from ilkit.finetune import best_of_n, dapg, dsrl, filtered_bc, ibrl, ppo, rlpd, sac, td3
from ilkit.imitate import bc
from ilkit.network.mlp import MLP, network
from ilkit.policy import gaussian
from ilkit.rollout import episodes
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

NUM_SEEDS, NUM_LOOKS = 3, 10
ENV = Build("env", "pendulum", pendulum.env, pendulum.Pendulum())
NOISE = Build(
    "exploration", "isotropic", isotropic.exploration, isotropic.Isotropic(scale=0.5), optional=("uncertainty",)
)
SAMPLES = Build(
    "exploration", "own_density", own_density.exploration, own_density.OwnDensity(), optional=("uncertainty",)
)
MLPS = (Build("network", "mlp", network, MLP()),)
KINDS: dict[str, tuple[Any, Any, Any]] = {
    "td3": (td3.finetune, td3.TD3, NOISE),
    "ibrl": (ibrl.finetune, ibrl.IBRL, NOISE),
    "sac": (sac.finetune, sac.SAC, SAMPLES),
    "rlpd": (rlpd.finetune, rlpd.RLPD, SAMPLES),
    "dsrl": (dsrl.finetune, dsrl.DSRL, SAMPLES),
    "best_of_n": (best_of_n.finetune, best_of_n.BestOfN, NOISE),
    "ppo": (ppo.finetune, ppo.PPO, SAMPLES),
    "dapg": (dapg.finetune, dapg.DAPG, SAMPLES),
    "filtered_bc": (filtered_bc.finetune, filtered_bc.FilteredBC, NOISE),
}
NUM_STEPS = {"rlpd": 4000, "ppo": 30, "dapg": 30, "filtered_bc": 10}
LEARN_FROM_DEMONSTRATIONS = ("rlpd", "dapg", "filtered_bc")
PUBLISHED = {"num_critics": 2, "pessimism": None, "clone_weight": None, "clone_half_life": None}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "td3 as published": ("td3", PUBLISHED),
    "td3, no pessimism": ("td3", {"num_critics": 2, "pessimism": None}),
    "td3, no clone weight": ("td3", {"clone_weight": None, "clone_half_life": None}),
    "td3": ("td3", {}),
    "ibrl as published": ("ibrl", PUBLISHED),
    "ibrl": ("ibrl", {}),
    "sac as published": ("sac", PUBLISHED),
    "sac, no pessimism": ("sac", {"num_critics": 2, "pessimism": None}),
    "sac": ("sac", {}),
    **{kind: (kind, {}) for kind in ("dsrl", "best_of_n", "ppo", "dapg", "filtered_bc", "rlpd")},
}


def main() -> None:
    head = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(squash=True, state_dependent_std=False), MLPS)
    key = jax.random.key(1)
    expert = swing_up.expert(swing_up.SwingUp(), ENV, key=jax.random.key(0))
    demos = episodes.rollout(episodes.Episodes(num_episodes=3), ENV, expert, key=key)
    cloned = loop.train(lambda key: bc.imitate(bc.BC(num_steps=3000), head, demos, key=key), key=key, num_seeds=3)
    chance = _return(RandomPolicy.of(ENV().spaces), stochastic=True)
    start = np.array([_return(one) for one in cloned])
    print(f"random {chance:.0f}, clones {start.round()}, expert {_return(expert):.0f}")
    print("| settings | lowest share of any seed | ends of the seeds | mean of the ends |\n| --- | --- | --- | --- |")
    for name in sys.argv[1:] or VARIANTS:
        curve = _along(name, cloned.stacked, demos)
        lowest = ((curve - chance) / (start - chance)).min()
        ends = ", ".join(f"{end:.0f}" for end in curve[-1])
        print(f"| {name} | {lowest:.2f} | {ends} | {curve[-1].mean():.0f} |", flush=True)


def _along(name: str, cloned: Any, demos: Demonstrations) -> np.ndarray:
    """The returns of the modes, a row for each look and a column for each seed."""
    kind, settings = VARIANTS[name]
    finetune, spec, exploration = KINDS[kind]
    num_steps = NUM_STEPS.get(kind, 1000)
    chosen = spec(num_steps=num_steps, **settings)
    shown = {"demos": demos} if kind in LEARN_FROM_DEMONSTRATIONS else {}

    def make(clone: Policy, *, key: Any) -> Any:
        return finetune(chosen, exploration, ENV, clone, **shown, key=key)

    training, key = loop.prepare(make, (cloned,), key=jax.random.key(5), num_seeds=NUM_SEEDS)
    start, rows = loop.start(training, NUM_SEEDS), []
    for progress in loop.advance(training, start, key=key, num_seeds=NUM_SEEDS, chunk_size=num_steps // NUM_LOOKS):
        rows.append([_return(one) for one in loop.finish(training, progress, NUM_SEEDS)])
    return np.array(rows)


def _return(policy: Policy, *, stochastic: bool = False) -> float:
    runs = collect_episodes(ENV(), policy, num_episodes=64, key=jax.random.key(77), stochastic=stochastic)
    return float(runs.returns.mean())


if __name__ == "__main__":
    main()
