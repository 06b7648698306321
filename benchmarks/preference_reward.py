"""Rewards of the pendulum, learnt from comparisons of clips: how far they correlate with the true one.

    NPROC=1 python benchmarks/preference_reward.py

Demonstrations of five noise levels (.5 to 12 N m), 20 episodes each; pairs of clips drawn at random, of which that of
the larger return is preferred, or, where answers are "drawn", with probability σ(the difference); correlations on 25
new episodes, of three seeds, each with demonstrations of its own.
"""

import time

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.preferences import Preferences
from ilkit.data.reward import Reward
from ilkit.env import pendulum
from ilkit.expert import swing_up
from ilkit.network.mlp import MLP, network
from ilkit.reward.bradley_terry import BradleyTerry, reward
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

LEVELS, SEEDS, EPISODE = (0.5, 1.5, 3.0, 6.0, 12.0), 3, 200
WORLD = Build("env", "pendulum", pendulum.env, pendulum.Pendulum())
EXPERT = swing_up.expert(swing_up.SwingUp(), WORLD, key=jax.random.key(0))
NETWORK = Build("network", "mlp", network, MLP())
SINGLE = BradleyTerry(num_members=1, holdout=0.0)
STOPPED = BradleyTerry(num_members=3, holdout=0.2, mistake=0.2)


def main() -> None:
    print("| pairs | steps a clip | wrong | members | held out | correlation, each seed |\n|" + " --- |" * 6)
    for spec, pairs, steps, wrong in (
        (SINGLE, 500, 15, 0.0),
        (BradleyTerry(), 500, 15, 0.0),
        (BradleyTerry(num_members=5), 500, 15, 0.0),
        (SINGLE, 100, 15, 0.0),
        (BradleyTerry(), 100, 15, 0.0),
        (SINGLE, 500, 1, 0.0),
        (SINGLE, 5000, 1, 0.0),
        (SINGLE, 500, 1, None),
        (SINGLE, 500, 15, 0.2),
        (STOPPED, 500, 15, 0.2),
    ):
        found = [correlation(spec, pairs, steps, wrong, seed) for seed in range(SEEDS)]
        cells = (pairs, steps, "drawn" if wrong is None else f"{wrong:.0%}", spec.num_members, f"{spec.holdout:.0%}")
        each = ", ".join(f"{one:.3f}" for one in found)
        print("| " + " | ".join(map(str, cells)) + f" | {each} |", flush=True)
    one, three = seconds(BradleyTerry(num_members=1), BradleyTerry(num_members=3))
    print(f"\n1,000 steps take {one:.2f} s with one member and {three:.2f} s with three: {three / one:.2f} times.")


def recorded(seed: int, episodes: int) -> Demonstrations:
    """Episodes of all noise levels."""
    world = WORLD()
    return concatenate(
        [
            collect_episodes(
                world, EXPERT, num_episodes=episodes, key=jax.random.key(100 * seed + number), action_noise=level
            ).demonstrations("executed")
            for number, level in enumerate(LEVELS)
        ]
    )


def answered(demos: Demonstrations, pairs: int, steps: int, wrong: float | None, seed: int) -> Preferences:
    """Pairs of clips drawn at random, with a share of the answers turned around, or drawn by Bradley and Terry."""
    random = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        episodes, first = random.integers(0, demos.num_episodes, pairs), random.integers(0, EPISODE + 1 - steps, pairs)
        sides.append(demos.stretches(demos.starts[episodes] + first, np.full(pairs, steps, np.int32)))
    gap, uniform = sides[0].returns - sides[1].returns, random.random(pairs)
    says = uniform < 1 / (1 + np.exp(-gap)) if wrong is None else (gap > 0) ^ (uniform < wrong)
    return Preferences(sides[0], sides[1], says.astype(np.float32))


def correlation(spec: BradleyTerry, pairs: int, steps: int, wrong: float | None, seed: int) -> float:
    asked, new = answered(recorded(seed, 20), pairs, steps, wrong, seed), recorded(1000 + seed, 5)
    learnt = loop.train(lambda key: reward(spec, NETWORK, asked, key=key), key=jax.random.key(seed))
    rows = new.transitions()
    found = _rewards(learnt[0], rows.before(), rows.actions, rows.after(), rows.terminated)
    return float(np.corrcoef(np.asarray(found)[: new.num_steps], new.rewards)[0, 1])


@eqx.filter_jit
def _rewards(found: Reward, *steps: Array) -> Array:
    return jax.vmap(found)(*steps)


def seconds(*specs: BradleyTerry) -> list[float]:
    """Of the processor, for all steps of each in turns, without compilation; medians of 5."""
    asked = answered(recorded(0, 20), 500, 15, 0.0, 0)
    prepared = [
        loop.prepare(
            lambda key, spec=spec: reward(spec, NETWORK, asked, key=key), (), key=jax.random.key(0), num_seeds=1
        )
        for spec in specs
    ]
    took: list[list[float]] = [[] for _ in specs]
    for _ in range(6):
        for (training, key), each in zip(prepared, took, strict=True):
            began = time.process_time()
            loop.drive(training, key, 1, chunk_size=training.num_steps)
            each.append(time.process_time() - began)
    return [float(np.median(each[1:])) for each in took]


if __name__ == "__main__":
    main()
