"""Behavioral cloning on recorded experts, beside published figures: returns over 5 training seeds, 10 episodes each.

    NPROC=1 python benchmarks/published_cloning.py FOLDER [cs285|d4rl]

FOLDER holds `cs285/` and `d4rl/`: the recordings of the course CS 285 (Levine, UC Berkeley) with their experts as
weights, and those of D4RL (Fu et al., 2020). On cs285, 2 × 64 tanh units, standardized observations, batches of 100 and
10,000 steps of Adam; once from both episodes and once from every 20th step of one, which must fail. On d4rl, 2 × 256
units. The interval is that of the interquartile mean over seeds; the expert runs on the same episodes.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.seeds import Seeds
from ilkit.dataset.file import File, dataset
from ilkit.env import gymnasium
from ilkit.evaluate.returns import Returns, evaluate
from ilkit.expert import mlp
from ilkit.format import npz
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop

PUBLISHED = {
    "Ant-v4": "4696 of 4714 (99.6 %) on Ant-v2 from 10,000 steps; course criterion: at least 30 %",
    "HalfCheetah-v4": "3522 of 4206 (83.7 %) on HalfCheetah-v2 from 10,000 steps; course criterion: at least 30 %",
    "Hopper-v5": "661 of 3773 (17.5 %) on Hopper-v2 from 10,000 steps; a plain loop on these data: 1,350",
    "Walker2d-v5": "61 of 5567 (1.1 %) on Walker2d-v2 from 10,000 steps; a plain loop on these data: 3,870",
}
HEAD = "| task | pairs | expert | clone: IQM [95 %] | share | seconds | published |"


def main() -> None:
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or ["cs285", "d4rl"]
    print(f"{HEAD}\n|{' --- |' * HEAD.count('|')}"[: -len(" --- |")])
    if "cs285" in chosen:
        for task in ("HalfCheetah-v4", "Ant-v4"):
            both, few = recorded(folder / f"cs285/{task}.npz", task), None
            few = thinned(both)
            for demos in (both, few):
                report(task, demos, weights(folder / f"cs285/{task}.expert.npz", task), width=64, batch=100)
    if "d4rl" in chosen:
        for name, task in (("hopper", "Hopper-v5"), ("walker2d", "Walker2d-v5")):
            demos = recorded(folder / f"d4rl/{name}-expert-v2.npz", task)
            report(task, demos, None, width=256, batch=256)


def report(task: str, demos: Demonstrations, expert: Seeds | None, *, width: int, batch: int) -> None:
    began = time.perf_counter()
    parts = (Build("network", "mlp", network, MLP(hidden=(width, width))),)
    head = Build("policy", "deterministic", policy, Deterministic(), parts)
    spec = BC(num_steps=10_000, batch_size=batch, num_seeds=5)
    cloned = loop.train(lambda key: imitate(spec, head, demos, key=key), key=jax.random.key(0), num_seeds=5)
    found = evaluate(
        Returns(num_episodes=10), world(task), demos, expert, None, key=jax.random.key(1), cloned=cloned
    ).metrics
    clone, reference = found["cloned"], found.get("expert")
    share = "" if reference is None else f"{clone['iqm'] / reference['iqm']:.1%}"
    print(
        f"| {task} | {demos.num_steps:,} | {'' if reference is None else format(reference['iqm'], ',.0f')} "
        f"| {clone['iqm']:,.0f} [{clone['low']:,.0f}, {clone['high']:,.0f}] | {share} "
        f"| {time.perf_counter() - began:.1f} | {PUBLISHED[task]} |",
        flush=True,
    )


def world(task: str) -> Build:
    return Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id=task, num_workers=2))


def recorded(path: Path, task: str) -> Demonstrations:
    chosen = Build("format", "npz", npz.format, npz.NPZ())
    return dataset(File(path=path), chosen, world(task), key=jax.random.key(0))


def weights(path: Path, task: str) -> Seeds:
    found = mlp.expert(mlp.MLP(path=path, pad_obs=True), world(task), key=jax.random.key(0))
    return Seeds(jax.tree.map(lambda leaf: leaf[None], found), {}, 1)


def thinned(demos: Demonstrations) -> Demonstrations:
    """Every 20th step of the first episode, as episodes of one step."""
    rows = np.arange(0, int(demos.lengths[0]), 20)
    count = len(rows)
    return Demonstrations(
        obs=demos.obs[np.stack([rows, rows + 1], axis=1).ravel()],
        actions=demos.actions[rows],
        rewards=demos.rewards[rows],
        terminated=np.zeros(count, bool),
        truncated=np.ones(count, bool),
        lengths=np.ones(count, np.int32),
        spaces=demos.spaces,
    )


if __name__ == "__main__":
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    main()
