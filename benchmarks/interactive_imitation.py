"""DAgger with the experts of cs285 as oracles, from 50 pairs of one episode: the return after each round, by seed.

    NPROC=2 python benchmarks/interactive_imitation.py FOLDER [Ant-v4] [HalfCheetah-v4] [--labels=1000]

FOLDER holds `cs285/`: recordings of the course CS 285 (Levine, UC Berkeley) with their experts as weights. The policy
acts from the first round on, and the expert labels every visited state, or every so-many-th for fewer labels a round.
Beside it stands cloning at equal labels: the same rounds, in which the expert acts. Returns are shares of the
expert's on the same episodes.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np
from published_cloning import recorded, thinned, weights

from ilkit.data.build import Build
from ilkit.env import gymnasium
from ilkit.interact.dagger import DAgger, interact
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes

SEEDS, ROUNDS, EPISODES = 5, 10, 5


def main() -> None:
    folder = Path(sys.argv[1])
    options = dict(one.removeprefix("--").split("=") for one in sys.argv[2:] if one.startswith("--"))
    tasks = [one for one in sys.argv[2:] if not one.startswith("--")] or ["HalfCheetah-v4", "Ant-v4"]
    every = 1000 // int(options.get("labels", "1000"))
    for task in tasks:
        for name, share in (("DAgger", 0.0), ("cloning at equal labels", 1.0)):
            report(folder, task, name, share, every)


def report(folder: Path, task: str, name: str, share: float, every: int) -> None:
    """Prints the share of the expert's return after each round: the mean over seeds, and each seed's best and last."""
    began = time.perf_counter()
    demos = thinned(recorded(folder / f"cs285/{task}.npz", task))
    expert = weights(folder / f"cs285/{task}.expert.npz", task)
    assert expert is not None
    env = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id=task))
    head = Build(
        "policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP(hidden=(64, 64))),)
    )
    spec = DAgger(
        schedule="constant",
        decay=share,
        label_every=every,
        num_rounds=ROUNDS,
        num_gradient_steps=2_000,
        num_validation_episodes=EPISODES,
        num_seeds=SEEDS,
    )
    stacked = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (SEEDS, *leaf.shape[1:])), expert.stacked)
    learnt = loop.train(
        lambda one, *, key: interact(spec, head, env, demos, one, key=key),
        stacked,
        key=jax.random.key(0),
        num_seeds=SEEDS,
    )
    seconds = time.perf_counter() - began
    reference = float(collect_episodes(env(), expert[0], num_episodes=20, key=jax.random.key(1)).returns.mean())
    shares = 100.0 * np.asarray(learnt.curves["return"]) / reference
    labels = np.asarray(learnt.curves["labels"])[0].astype(int)
    print(f"\n{task}, {name}: {seconds:.0f} s, expert {reference:.0f}")
    print("labels " + " ".join(f"{one:6d}" for one in labels))
    print("mean % " + " ".join(f"{one:6.1f}" for one in shares.mean(axis=0)))
    print("best % by seed " + " ".join(f"{one:.1f}" for one in shares.max(axis=1)))
    print("last % by seed " + " ".join(f"{one:.1f}" for one in shares[:, -1]), flush=True)


if __name__ == "__main__":
    main()
