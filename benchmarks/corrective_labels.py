"""Corrective labels on recorded experts, beside published figures: returns with noisy sensors and actuators.

    NPROC=1 python benchmarks/corrective_labels.py FOLDER [hopper] [walker2d]

FOLDER holds the recordings of D4RL (Fu et al., 2020) that CCIL (Ke et al., 2024) learns from. Evaluation follows its
protocol: an observation is (1 - n) o + n ε with ε ~ N(0, I), an action (1 - n) a + n ε with ε uniform in the action
space, n = .01 for Hopper and .03 for Walker2d. All remedies have the same training seeds, which decide initial weights
and batches, the same number of gradient steps, and the same episodes; a seed of `ccil` learns dynamics of its own. A
figure is the mean over seeds of a seed's mean return, with the standard deviation over seeds. At the end, labels are
executed in the simulator: how far from their target they land, over how far from it they started.
"""

import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import jax
import numpy as np
from ilkit_corrective import ccil

from ilkit.augment import none, state_noise
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.dataset.file import File, dataset
from ilkit.env.gymnasium import Gymnasium, env
from ilkit.format import npz
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop
from ilkit.spec import Spec
from ilkit.stepping.episodes import collect_all

SEEDS, NUM_EPISODES, NUM_EXECUTED = range(40, 50), 20, 500
NETWORK = Build("network", "mlp", network, MLP(hidden=(128, 128), activation="relu"))
HEAD = Build("policy", "deterministic", policy, Deterministic(squash=True), (NETWORK,))
CLONING = BC(num_steps=10_000, batch_size=256, average=True)
EVERYWHERE = {"num_steps": 3000, "max_error": 100.0, "max_distance": 100.0}
"""Labels of all steps, as the published ones."""
COLUMNS = "| task | remedy | rows | return: mean ± std over seeds | against bc: mean, wins | published | minutes |"


class Task(NamedTuple):
    id: str
    noise: float
    remedies: dict[str, Spec]
    published: dict[str, str]


FREE = ccil.CCIL(constraint="none", **EVERYWHERE)
TRUSTED = ccil.CCIL(constraint="penalty", lipschitz=2.0, penalty_weight=5e-4, radius=3e-4, num_steps=3000)
SLOPES = TRUSTED.model_copy(update=EVERYWHERE)
LAYERS = ccil.CCIL(constraint="spectral", lipschitz=2.0, **EVERYWHERE)
TASKS = {
    "hopper": Task(
        "Hopper-v4",
        0.01,
        {"noise, larger": state_noise.StateNoise(scale=0.1), "ccil": SLOPES, "ccil, trusted": TRUSTED},
        {"bc": "1984 ± 673", "noise": "1564 ± 1012", "ccil": "2631 ± 304"},
    ),
    "walker2d": Task(
        "Walker2d-v4",
        0.03,
        {"ccil": LAYERS, "ccil, free": FREE},
        {"bc": "1923 ± 1410", "noise": "2893 ± 1077", "ccil": "3538 ± 573"},
    ),
}
OTHERS = {"bc": none.None_(), "noise": state_noise.StateNoise(scale=0.02)}
AUGMENTS = {none.None_: none.augment, state_noise.StateNoise: state_noise.augment, ccil.CCIL: ccil.augment}


class Noisy(gymnasium.Wrapper):
    """Sensors and actuators that mix what they pass on with noise, drawn from the generator that a reset seeds."""

    def __init__(self, inner: gymnasium.Env, noise: float) -> None:
        super().__init__(inner)
        self.noise = noise

    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        return self.sensed(obs), info

    def step(self, action: np.ndarray) -> tuple[Any, ...]:
        drawn = self.np_random.uniform(self.action_space.low, self.action_space.high)
        obs, *rest = self.env.step((1.0 - self.noise) * action + self.noise * drawn)
        return self.sensed(obs), *rest

    def sensed(self, obs: np.ndarray) -> np.ndarray:
        return (1.0 - self.noise) * obs + self.noise * self.np_random.standard_normal(obs.shape)


def noisy(inner: str, noise: float, **kwargs: Any) -> gymnasium.Env:
    return Noisy(gymnasium.make(inner, **kwargs), noise)


def main() -> None:
    folder, *chosen = sys.argv[1:]
    print(f"{COLUMNS}\n|{' --- |' * (COLUMNS.count('|') - 1)}")
    for name in chosen or TASKS:
        report(name, Path(folder) / f"{name}-expert-v2.npz")


def report(name: str, path: Path) -> None:
    task = TASKS[name]
    demos = recorded(path, task)
    found: dict[str, np.ndarray] = {}
    for remedy, spec in (OTHERS | task.remedies).items():
        began = time.perf_counter()
        augment = AUGMENTS[type(spec)]
        made = [augment(spec, world(task), demos, key=jax.random.key(100 + seed)) for seed in SEEDS]
        found[remedy] = returns = evaluated(task, [clone(*one) for one in zip(made, SEEDS, strict=True)])
        gain = returns - found["bc"]
        print(
            f"| {task.id} | {remedy} | {made[0].num_steps:,} | {returns.mean():,.0f} ± {returns.std(ddof=1):,.0f} "
            f"| {gain.mean():+,.0f}, {(gain > 0).sum()} of {len(SEEDS)} | {task.published.get(remedy, '')} "
            f"| {(time.perf_counter() - began) / 60:.1f} |",
            flush=True,
        )
        if isinstance(spec, ccil.CCIL):
            print(f"{task.id} {remedy}: {landed(task, demos, made[0])}", flush=True)
    for remedy, returns in found.items():
        print(f"{task.id} {remedy}, return of each seed: {', '.join(f'{one:,.0f}' for one in returns)}")


def world(task: Task) -> Build:
    return Build("env", "gymnasium", env, Gymnasium(id=task.id))


def recorded(path: Path, task: Task) -> Demonstrations:
    chosen = Build("format", "npz", npz.format, npz.NPZ())
    return dataset(File(path=path), chosen, world(task), key=jax.random.key(0))


def clone(demos: Demonstrations, seed: int) -> Policy:
    learnt = loop.train(lambda key: imitate(CLONING, HEAD, demos, key=key), key=jax.random.key(seed))
    return jax.device_get(learnt[0])


def evaluated(task: Task, learnt: list[Policy]) -> np.ndarray:
    """The mean return of each policy, on the same episodes."""
    name = f"Noisy{task.id}"
    if name not in gymnasium.registry:
        arguments = {"inner": task.id, "noise": task.noise}
        gymnasium.register(name, entry_point=noisy, max_episode_steps=1000, kwargs=arguments)
    chosen = [(one, False) for one in learnt]
    runs = collect_all(env(Gymnasium(id=name)), chosen, num_episodes=NUM_EPISODES, key=jax.random.key(1))
    return np.array([run.returns.mean() for run in runs])


def landed(task: Task, demos: Demonstrations, made: Demonstrations) -> str:
    """What the simulator makes of labels, and of recorded steps, which another version of it recorded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the version of the recordings is asked for
        simulator: Any = gymnasium.make(task.id).unwrapped
    simulator.reset(seed=0)
    labels = np.arange(demos.num_steps, made.num_steps)
    shares = [executed(simulator, made, rows) for rows in (labels, np.arange(demos.num_steps))]
    return (
        f"executed, half of the labels land within {shares[0]:.0%} of how far from their target they started, "
        f"and half of the recorded steps within {shares[1]:.0%}"
    )


def executed(simulator: Any, made: Demonstrations, rows: np.ndarray) -> float:
    """The median of ‖s' - target‖ / ‖s - target‖; without steps of velocities that the observation clips at 10."""
    num_positions = simulator.model.nq - 1
    shares = []
    for row in np.random.default_rng(0).choice(rows, NUM_EXECUTED):
        at = np.array([row])
        before, after = made.before(at)[0].astype(float), made.after(at)[0].astype(float)
        if max(np.abs(before).max(), np.abs(after).max()) >= 10.0:
            continue
        simulator.set_state(np.r_[0.0, before[:num_positions]], before[num_positions:])
        reached = simulator.step(made.actions[row])[0]
        shares.append(np.linalg.norm(reached - after) / np.linalg.norm(before - after))
    return float(np.median(shares))


if __name__ == "__main__":
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    main()
