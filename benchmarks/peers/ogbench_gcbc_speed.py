"""How many updates a second OGBench's goal-conditioned cloning takes, with the settings of `benchmarks/maze_goals.py`.

NPROC=1 python benchmarks/peers/ogbench_gcbc_speed.py [WIDTH]

Its agents are scripts beside the package. Here is the same loop, written again: NumPy draws a batch, with goals for
values and for the actor, then one compiled update by flax and optax also tells how large gradients are.
"""

import os
import sys
import time
from functools import partial
from statistics import median

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import distrax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.training.train_state import TrainState

NUM_STEPS, LENGTH = 1_000_000, 1000
BATCH, UPDATES, TRIALS = 256, 1000, 3
WIDTH = int(sys.argv[1]) if len(sys.argv) > 1 else 256
DISCOUNT = 0.99


class Actor(nn.Module):
    """A Gaussian of standard deviation 1 around the output of two layers of relu."""

    @nn.compact
    def __call__(self, obs: jax.Array, goals: jax.Array) -> distrax.Distribution:
        hidden = jnp.concatenate([obs, goals], axis=-1)
        for _ in range(2):
            hidden = nn.relu(
                nn.Dense(WIDTH, kernel_init=nn.initializers.variance_scaling(1, "fan_avg", "uniform"))(hidden)
            )
        mean = nn.Dense(2, kernel_init=nn.initializers.variance_scaling(1e-2, "fan_avg", "uniform"))(hidden)
        return distrax.MultivariateNormalDiag(mean, jnp.ones_like(mean))


def drawn_goals(ends: np.ndarray, rows: np.ndarray, current: float, future: float, geometric: bool) -> np.ndarray:
    """The rows of goals: of the present state, a later one of the episode, or any."""
    count = len(rows)
    anywhere = np.random.randint(NUM_STEPS, size=count)
    last = ends[np.searchsorted(ends, rows)]
    if geometric:
        later = np.minimum(rows + np.random.geometric(p=1 - DISCOUNT, size=count), last)
    else:
        share = np.random.rand(count)
        later = np.round(np.minimum(rows + 1, last) * share + last * (1 - share)).astype(int)
    if current == 1.0:
        return rows
    goals = np.where(np.random.rand(count) < future / (1.0 - current), later, anywhere)
    return np.where(np.random.rand(count) < current, rows, goals)


def drawn_batch(data: dict[str, np.ndarray], ends: np.ndarray) -> dict[str, np.ndarray]:
    """A batch with what values would learn from, too, which is drawn whatever the agent."""
    rows = np.random.randint(NUM_STEPS, size=BATCH)
    batch = {name: column[rows] for name, column in data.items()}
    batch["next_observations"] = data["observations"][np.minimum(rows + 1, NUM_STEPS - 1)]
    for_values = drawn_goals(ends, rows, 0.0, 1.0, False)
    batch["value_goals"] = data["observations"][for_values]
    batch["actor_goals"] = data["observations"][drawn_goals(ends, rows, 0.0, 1.0, False)]
    there = (rows == for_values).astype(float)
    return batch | {"masks": 1.0 - there, "rewards": there - 1.0}


@partial(jax.jit)
def updated(state: TrainState, batch: dict[str, jax.Array]) -> tuple[TrainState, dict[str, jax.Array]]:
    def loss(params: dict) -> tuple[jax.Array, dict[str, jax.Array]]:
        actions = state.apply_fn({"params": params}, batch["observations"], batch["actor_goals"])
        log_prob = actions.log_prob(batch["actions"])
        error = jnp.mean((actions.mode() - batch["actions"]) ** 2)
        return -log_prob.mean(), {"log_prob": log_prob.mean(), "mse": error, "std": jnp.mean(actions.scale_diag)}

    gradient, info = jax.grad(loss, has_aux=True)(state.params)
    flat = jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(gradient)])
    info |= {"largest": flat.max(), "least": flat.min(), "norm": jnp.sum(jnp.abs(flat))}
    return state.apply_gradients(grads=gradient), info


def main() -> None:
    np.random.seed(0)
    places = np.random.uniform(-1, 1, (NUM_STEPS, 2)).astype(np.float32)
    ends = np.arange(LENGTH - 1, NUM_STEPS, LENGTH)
    terminals = np.zeros(NUM_STEPS, np.float32)
    terminals[ends] = 1.0
    data = {"observations": places, "actions": places[::-1].copy(), "terminals": terminals}
    actor = Actor()
    params = actor.init(jax.random.key(0), places[:1], places[:1])["params"]
    state = TrainState.create(apply_fn=actor.apply, params=params, tx=optax.adam(3e-4))
    speeds = []
    for _ in range(TRIALS + 1):
        began = time.process_time()
        for _ in range(UPDATES):
            state, _ = updated(state, drawn_batch(data, ends))
        jax.block_until_ready(state.params)
        speeds.append(UPDATES / (time.process_time() - began))
    print(f"ogbench gcbc: {median(speeds[1:]):,.0f}")


if __name__ == "__main__":
    main()
