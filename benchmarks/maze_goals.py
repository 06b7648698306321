"""Reaching goals in OGBench's point mazes from its navigate data: success of each kind beside the published table.

    NPROC=1 python benchmarks/maze_goals.py ROW [SEED [FOLDER]]

A million steps from waypoint to waypoint, with goals that are drawn anew at each goal and noise of .5 on the actions;
the layout's five tasks, 250 episodes, by the mode; 2 × 256 relu, a Gaussian head with one standard deviation, batches
of 256. A row of the table is `LAYOUT KIND`, such as `medium hiql`; of kinds that learn values it is one training seed,
0 or another. With a folder the first policy is written there, for `benchmarks/peers/ogbench_policies.py`.
"""

import sys
import time
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.normalizer import Normalizer, RelativeGoals
from ilkit.data.policy import Policy
from ilkit.env import point_maze
from ilkit.env.point_maze import PointMazeEnvironment
from ilkit.expert import waypoints
from ilkit.imitate import gcbc, gcivl, hiql
from ilkit.math.mazes import LAYOUTS
from ilkit.network.mlp import MLP, network
from ilkit.nn.head import Head
from ilkit.nn.normed_layers import NormedLayers
from ilkit.nn.perceptron import Layers
from ilkit.policy import gaussian
from ilkit.rollout.episodes import Episodes, rollout
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.valuing.two_levels import TwoLevelPolicy

NUM_STEPS, NUM_EPISODES = 1_000_000, 250
LEARNING = {"learning_rate": 1e-3, "batch_size": 256}
SLOWER = LEARNING | {"learning_rate": 3e-4}
VALUES = LEARNING | {"target_rate": 0.05, "relative": True}
FAR = {"strategy": "geometric", "discount": 0.995, "expectile": 0.9, "average": True}
INDIRECT = {"direct": False}
KINDS = {
    "gcbc uniform": (gcbc, gcbc.GCBC(**LEARNING, num_steps=10_000, num_seeds=3)),
    "gcbc geometric": (gcbc, gcbc.GCBC(**LEARNING, num_steps=10_000, num_seeds=3, strategy="geometric")),
    "gcbc relative": (gcbc, gcbc.GCBC(**SLOWER, num_steps=10_000, num_seeds=3, strategy="geometric", relative=True)),
    "hiql": (hiql, hiql.HIQL(**VALUES | SLOWER | INDIRECT, num_steps=10_000)),
    "hiql far": (hiql, hiql.HIQL(**VALUES | INDIRECT, discount=0.995, num_steps=10_000)),
    "hiql 1 step": (hiql, hiql.HIQL(**VALUES | SLOWER | FAR | INDIRECT, value_steps=1, num_steps=30_000)),
    "hiql 10 steps": (hiql, hiql.HIQL(**VALUES | SLOWER | FAR | INDIRECT, value_steps=10, num_steps=30_000)),
    "hiql indirect": (hiql, hiql.HIQL(**VALUES | SLOWER | FAR | INDIRECT, value_steps=100, num_steps=10_000)),
    "hiql direct": (hiql, hiql.HIQL(**VALUES | SLOWER | FAR, value_steps=100, num_steps=10_000)),
    "gcivl 100 steps": (
        gcivl,
        gcivl.GCIVL(**VALUES, strategy="geometric", value_steps=100, num_steps=10_000, average=True),
    ),
    "gcivl average": (gcivl, gcivl.GCIVL(**VALUES, num_steps=10_000, average=True)),
    "hiql average": (hiql, hiql.HIQL(**VALUES | SLOWER | INDIRECT, num_steps=10_000, average=True)),
    "hiql far average": (hiql, hiql.HIQL(**VALUES | INDIRECT, discount=0.995, num_steps=10_000, average=True)),
}
GEOMETRIC = ("gcbc geometric", "gcbc relative")
"""Not in the published table."""
PUBLISHED = {
    "medium": {"gcbc": "9 ± 6", "gcivl": "63 ± 6", "hiql": "79 ± 5"},
    "large": {"gcbc": "29 ± 6", "gcivl": "45 ± 5", "hiql": "58 ± 5"},
}


def main() -> None:
    layout, _, kind = " ".join(sys.argv[1:2]).partition(" ")
    given = sys.argv[2] if len(sys.argv) > 2 else "0"
    if layout not in LAYOUTS or kind not in KINDS:
        sys.exit(f"ROW must be one of {', '.join(LAYOUTS)} and one of {', '.join(KINDS)}, got {layout!r} and {kind!r}.")
    if not given.isdecimal():
        sys.exit(f"SEED must be a whole number of at least 0, got {given!r}; a FOLDER comes after it.")
    seed = int(given)
    module, spec = KINDS[kind]
    env = Build("env", "point_maze", point_maze.env, point_maze.PointMaze(layout=layout, at_goal="new_goal"))
    expert = waypoints.expert(waypoints.Waypoints(), env, key=jax.random.key(0))
    recorded = Episodes(num_episodes=None, num_steps=NUM_STEPS, action_noise=0.5, label="executed")
    demos = rollout(recorded, env, expert, key=jax.random.key(1))
    began = time.process_time()
    policies = learnt(module, spec, demos, seed)
    seconds = time.process_time() - began
    tasks = point_maze.env(point_maze.PointMaze(layout=layout, pairs="tasks"))
    assert isinstance(tasks, PointMazeEnvironment)
    shares = np.stack([success(tasks, policy) for policy in policies])
    found = ", ".join(f"{share:.1%}" for share in shares.mean(axis=1))
    each = " ".join(f"{share:.0%}" for share in shares.mean(axis=0))
    published = "" if kind in GEOMETRIC else PUBLISHED.get(layout, {}).get(kind.split()[0], "")
    print(
        f"| {layout} | {kind} | {spec.num_steps:,} | {found} | {each} | {published} | {seconds / len(policies):.0f} |"
    )
    if len(sys.argv) > 3:
        np.savez(Path(sys.argv[3]) / f"{layout}_{kind.replace(' ', '_')}.npz", **weights_of(policies[0]))


def learnt(module: object, spec: gcbc.GCBC | gcivl.GCIVL | hiql.HIQL, demos: Demonstrations, seed: int) -> list[Policy]:
    inner = (Build("network", "mlp", network, MLP(hidden=(256, 256), activation="relu")),)
    head = Build("policy", "gaussian", gaussian.policy, gaussian.Gaussian(state_dependent_std=False), inner)
    seeds = loop.train(
        lambda *, key: module.imitate(spec, head, demos, key=key), key=jax.random.key(seed), num_seeds=spec.num_seeds
    )
    return list(jax.block_until_ready(seeds))


def success(world: PointMazeEnvironment, policy: Policy) -> Float[np.ndarray, " tasks"]:
    """The share of episodes of each task that come to the goal in 1,000 steps."""
    run = collect_episodes(world, policy, num_episodes=NUM_EPISODES, key=jax.random.key(9))
    tasks = np.asarray(world.middles)[np.asarray(world.pairs)].reshape(-1, 4)
    drawn = np.concatenate([run.obs[ACHIEVED][:, 0], run.obs[DESIRED][:, 0]], axis=-1)
    task = np.linalg.norm(drawn[:, None] - tasks, axis=-1).argmin(axis=1)
    there = (np.asarray(run.rewards) > 0).any(axis=1)
    return np.asarray([there[task == number].mean() for number in range(len(tasks))])


def weights_of(policy: Policy) -> dict[str, np.ndarray]:
    """What the mode is computed from: layers of each level and of the values, and statistics of what they see."""
    levels = {"high": policy.high, "low": policy.low} if isinstance(policy, TwoLevelPolicy) else {"low": policy}
    arrays: dict[str, np.ndarray] = {}
    for name, level in levels.items():
        assert isinstance(level, Head)
        arrays |= named(name, layers_of(level.network.layers) | statistics_of(level.normalizer))
        arrays |= named(name, {"center": level.units.center, "half_range": level.units.half_range})
    if isinstance(policy, TwoLevelPolicy) and policy.nearness is not None:
        values = policy.nearness.values
        arrays |= named("value", layers_of(values.layers) | statistics_of(values.normalizer))
        arrays |= named("value", {"far": policy.nearness.far})
    return {name: np.asarray(array) for name, array in arrays.items()}


def named(level: str, arrays: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Arrays of a level by their full names."""
    return {f"{level}.{name}": array for name, array in arrays.items()}


def layers_of(layers: Layers) -> dict[str, jax.Array]:
    """Weights and biases, and what hidden values are multiplied by and moved by, where they are normalized."""
    columns = {"weight": layers.weights, "bias": layers.biases}
    if isinstance(layers, NormedLayers):
        columns |= {"gain": layers.gains, "offset": layers.offsets}
    return {f"{name}{number}": array for name, column in columns.items() for number, array in enumerate(column)}


def statistics_of(normalizer: Normalizer) -> dict[str, jax.Array]:
    """Those of places, and the scale of ways."""
    shown = {"mean": normalizer.mean["achieved_goal"], "std": normalizer.std["achieved_goal"]}
    return shown | ({"goal_scale": normalizer.goal_scale} if isinstance(normalizer, RelativeGoals) else {})


if __name__ == "__main__":
    main()
