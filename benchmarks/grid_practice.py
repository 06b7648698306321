"""Practice in a grid whose optimum is known: which pairs of cell and goal are lost, with and without the horizon.

    NPROC=1 python benchmarks/grid_practice.py

The default `reach_grid`, 200 rounds of 32 episodes and 100 updates of 128; three training seeds in one compiled call. A
pair is lost with h steps left where the mode isn't at the goal after h steps, though a way of at most h leads there.
"""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.env import reach_grid
from ilkit.interact.gcsl import GCSL, interact
from ilkit.math.floor_plan import free_cells, steps_between
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical
from ilkit.running import loop

NUM_SEEDS = 3
HEAD = "| the horizon is an input | pairs that can be reached, over all steps left | lost, by seed |"


def main() -> None:
    print(f"{HEAD}\n|{' --- |' * (HEAD.count('|') - 1)}")
    world, found = reach_grid.env(reach_grid.ReachGrid()), {}
    for shown in (True, False):
        found[shown] = [lost(world, policy) for policy in practiced(shown)]
        counts = ", ".join(str(len(rows)) for rows in found[shown])
        print(f"| {'yes' if shown else 'no'} | {int(reachable(world).sum())} | {counts} |", flush=True)
    cells = [f"({row}, {column})" for row, column in np.argwhere(free_cells(world.spec.layout))]
    for shown in (True, False):
        for seed, rows in enumerate(found[shown]):
            for cell, goal in sorted({(cell, goal) for cell, goal, _ in rows}):
                left = ", ".join(str(steps) for *pair, steps in rows if pair == [cell, goal])
                how = "with" if shown else "without"
                print(f"{how} the horizon, seed {seed}: {cells[cell]} to {cells[goal]}, with {left} left")


def practiced(shown: bool) -> list[Policy]:
    env = Build("env", "reach_grid", reach_grid.env, reach_grid.ReachGrid(show_horizon=shown))
    inner = (Build("network", "mlp", network, MLP(hidden=(256,), activation="relu")),)
    head = Build("policy", "categorical", categorical.policy, categorical.Categorical(), inner)
    settings = {"num_rounds": 200, "num_envs": 32, "updates": 100, "batch_size": 128, "learning_rate": 1e-3}
    spec = GCSL(**settings, num_seeds=NUM_SEEDS)
    seeds = loop.train(lambda *, key: interact(spec, head, env, key=key), key=jax.random.key(0), num_seeds=NUM_SEEDS)
    return [one.policy for one in seeds]


def reachable(world: reach_grid.ReachGridEnvironment) -> np.ndarray:
    """Which goals can be reached from which cells, for 1 to all steps left."""
    steps = steps_between(free_cells(world.spec.layout))
    return steps[..., None] <= np.arange(1, world.max_steps + 1)


def lost(world: reach_grid.ReachGridEnvironment, policy: Policy) -> list[tuple[int, int, int]]:
    """Each cell, goal and number of steps left that is lost: exact, by dynamic programming over the steps left."""
    cells, steps = len(world.following), world.max_steps
    shown = policy.spaces.observation == world.spaces.observation
    world = world if shown else reach_grid.env(reach_grid.ReachGrid(show_horizon=False))
    numbers = np.meshgrid(np.arange(cells), np.arange(cells), steps - np.arange(1, steps + 1), indexing="ij")
    states = jnp.asarray(np.stack(numbers, axis=-1).reshape(-1, 3), jnp.int32)
    act = jax.jit(jax.vmap(lambda state: policy.mode(policy.initial_carry(), world.observe(state))[1]))
    actions = np.asarray(act(states)).reshape(cells, cells, steps)
    following, there = np.asarray(world.following), np.eye(cells, dtype=bool)
    reached = np.zeros((cells, cells, steps), bool)
    for left in range(1, steps + 1):
        then = following[np.arange(cells)[:, None], actions[:, :, left - 1]]
        there = reached[..., left - 1] = there[then, np.arange(cells)]
    return [(cell, goal, left + 1) for cell, goal, left in np.argwhere(reachable(world) & ~reached).tolist()]


if __name__ == "__main__":
    main()
