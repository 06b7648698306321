"""How fast `imitate.bc` steps, against the least JAX loop that does the same: at least 0.9 of its steps a second.

    NPROC=1 python benchmarks/imitate_speed.py [ROUNDS]

The data have the shape of a recorded data set (2000 steps, 17 observations, 6 actions); the network has 2 × 64 tanh
units, the batch 100 transitions, the optimizer is Adam. The least loop is a `lax.scan` over a step of 20 lines, with
plain lists of arrays, batches drawn by `jax.random.randint`, constants known to the compiler, and no curve but the
losses. Ten seeds in one call may cost at most 9 times one. The runs take turns, so that a change of the machine's load
meets all of them; what counts is the median over rounds of the ratio within a round.
"""

import sys
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.imitate.bc import BC, imitate
from ilkit.network.mlp import MLP, network
from ilkit.policy.deterministic import Deterministic, policy
from ilkit.running import loop

NUM_OBS, NUM_ACTIONS, NUM_DATA, BATCH = 17, 6, 2000, 100
CHUNK = 4000
LEARNING_RATE = 1e-3


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    demos = recorded()
    runs = {"least loop": least_loop(demos), "imitate.bc": cloning(demos, 1), "10 seeds": cloning(demos, 10)}
    for run in runs.values():
        run()
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    speed = {name: CHUNK / median(times) for name, times in seconds.items()}
    relative = median(np.divide(seconds["least loop"], seconds["imitate.bc"]))
    cost = median(np.divide(seconds["10 seeds"], seconds["imitate.bc"]))
    print(f"least loop: {speed['least loop']:,.0f} steps/s; imitate.bc: {speed['imitate.bc']:,.0f} steps/s")
    print(f"imitate.bc steps at {relative:.2f} times the speed of the least loop (at least 0.9)")
    print(f"10 seeds in one call cost {cost:.2f} times one (at most 9)")


def recorded() -> Demonstrations:
    """A data set of this shape; its values don't matter to the speed."""
    random = np.random.default_rng(0)
    return Demonstrations(
        obs=random.normal(size=(NUM_DATA + 2, NUM_OBS)).astype(np.float32),
        actions=random.uniform(-1, 1, size=(NUM_DATA, NUM_ACTIONS)).astype(np.float32),
        rewards=np.zeros(NUM_DATA, np.float32),
        terminated=np.zeros(2, bool),
        truncated=np.ones(2, bool),
        lengths=np.full(2, NUM_DATA // 2, np.int32),
        spaces=Spaces(observation=Box.symmetric((np.inf,) * NUM_OBS), action=Box.symmetric((1.0,) * NUM_ACTIONS)),
    )


def cloning(demos: Demonstrations, num_seeds: int) -> Callable[[], Any]:
    """Runs a chunk of `imitate.bc`, driven by the loop of the runner; each call goes on where the last one stopped."""
    head = Build("policy", "deterministic", policy, Deterministic(), (Build("network", "mlp", network, MLP()),))
    spec = BC(learning_rate=LEARNING_RATE, batch_size=BATCH, num_steps=1_000_000, num_seeds=num_seeds)
    training, key = loop.prepare(
        lambda key: imitate(spec, head, demos, key=key), (), key=jax.random.key(0), num_seeds=num_seeds
    )
    chunks = loop.advance(training, loop.start(training, num_seeds), key=key, num_seeds=num_seeds, chunk_size=CHUNK)
    return lambda: jax.block_until_ready(next(chunks).state)


def least_loop(demos: Demonstrations) -> Callable[[], Any]:
    """Runs a chunk of the least loop."""
    steps = np.delete(np.arange(NUM_DATA + 2), [NUM_DATA // 2, NUM_DATA + 1])
    obs, actions = jnp.asarray(demos.obs[steps]), jnp.asarray(demos.actions)
    mean, std = obs.mean(axis=0), obs.std(axis=0)
    optimizer = optax.adam(LEARNING_RATE)

    def loss(parameters, batch, labels):
        outputs = (batch - mean) / std
        for weight, bias in parameters[:-1]:
            outputs = jnp.tanh(outputs @ weight + bias)
        weight, bias = parameters[-1]
        return jnp.mean(jnp.sum((outputs @ weight + bias - labels) ** 2, axis=-1))

    def step(carried, key):
        parameters, state = carried
        rows = jax.random.randint(key, (BATCH,), 0, NUM_DATA)
        value, gradient = jax.value_and_grad(loss)(parameters, obs[rows], actions[rows])
        updates, state = optimizer.update(gradient, state, parameters)
        return (optax.apply_updates(parameters, updates), state), value

    sizes = (NUM_OBS, 64, 64, NUM_ACTIONS)
    keys = jax.random.split(jax.random.key(0), 3)
    parameters = [
        (jax.random.uniform(key, shape, minval=-1.0) / shape[0] ** 0.5, jnp.zeros(shape[1]))
        for key, shape in zip(keys, pairwise(sizes), strict=True)
    ]
    start = (parameters, optimizer.init(parameters))
    scan = jax.jit(lambda carried, key: jax.lax.scan(step, carried, jax.random.split(key, CHUNK)))
    return lambda: jax.block_until_ready(scan(start, jax.random.key(1)))


if __name__ == "__main__":
    main()
