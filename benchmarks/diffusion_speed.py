"""How fast a diffusion policy trains and acts: gradient steps a second, or actions a second for one observation.

    python benchmarks/diffusion_speed.py kit|plain|act [WIDTH] [DEPTH] [THREADS] [avx2|native]

`kit` is `imitate.bc` with `average`, `plain` the least loop of JAX that does the same: AdamW, batches of 256, averaged
weights, 100 steps of noise, no normalizer, no curve. `act` samples by DDIM in 10 steps. Next to each other, or to
PyTorch with `diffusers`, in one run:

    python benchmarks/side_by_side.py 3 'python benchmarks/diffusion_speed.py kit' \\
        'python benchmarks/diffusion_speed.py plain'
    python benchmarks/side_by_side.py 3 'python benchmarks/diffusion_speed.py act' \\
        'PEERS/diffusers/bin/python benchmarks/peers/diffusers_speed.py act'

where PEERS/diffusers is a virtual environment with benchmarks/peers/diffusers.txt installed. On a processor with
AVX-512 PyTorch takes it; `avx2`, the default, doesn't, which keeps bits the same elsewhere; `native` does.
"""

import sys
import time
from functools import partial
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
from ilkit.policy.diffusion import Diffusion, policy
from ilkit.running import loop
from ilkit.running.backend import set_up

OBS, ACTION, FEATURES, BATCH, ROWS = 10, 4, 64, 256, 10_000
FREQUENCIES = np.pi * 2.0 ** np.arange(8)


def main() -> None:
    mode, *given = sys.argv[1:]
    *sizes, instruction_set = (*given, *("256", "3", "1", "avx2")[len(given) :])
    width, depth, threads = (int(one) for one in sizes)
    set_up(threads, instruction_set)
    measure = {"kit": train_kit, "plain": train_plain, "act": act}[mode]
    print(f"{mode}: {measure((width,) * depth, threads):,.0f}")


def train_kit(hidden: tuple[int, ...], threads: int) -> float:
    """Gradient steps a second of `imitate.bc`."""
    training, key = _prepared(hidden)
    sizes = {"num_seeds": 1, "num_threads": threads, "chunk_size": _chunk(hidden)}
    chunks = loop.advance(training, loop.start(training, 1), key=key, **sizes)
    next(chunks)
    return _speed(lambda: next(chunks).state, _chunk(hidden))


def train_plain(hidden: tuple[int, ...], threads: int) -> float:
    """Gradient steps a second of a scan."""
    del threads
    data, key = _demonstrations(), jax.random.key(0)
    rows = (jnp.asarray(data.obs[:-1]), jnp.asarray(data.actions))
    sizes = [(OBS, FEATURES), *zip((FEATURES + ACTION + 16, *hidden), (*hidden, ACTION), strict=True)]
    keys = jax.random.split(key, len(sizes))
    weights = [
        (jax.random.normal(one, size) / size[0] ** 0.5, jnp.zeros(size[1]))
        for one, size in zip(keys, sizes, strict=True)
    ]
    optimizer = optax.adamw(1e-3, weight_decay=0.0)
    state = (weights, optimizer.init(weights), weights, jnp.zeros(()))
    run = jax.jit(partial(_scan, optimizer, rows, _chunk(hidden)), donate_argnums=0)
    box = [run(jax.tree.map(jnp.copy, state), key)]
    jax.block_until_ready(box)

    def again() -> Any:
        box[0] = run(box[0], key)
        return box[0]

    return _speed(again, _chunk(hidden))


def act(hidden: tuple[int, ...], threads: int) -> float:
    """Actions a second, one at a time, each asked for by the host."""
    del threads
    training, _ = _prepared(hidden)
    learnt = loop.finish(training, loop.start(training, 1), 1)[0]
    sample = jax.jit(lambda obs, key: learnt.sample(learnt.initial_carry(), obs, key=key)[1])
    obs, keys = np.zeros(OBS, np.float32), list(jax.random.split(jax.random.key(0), 300))
    jax.block_until_ready(sample(obs, keys[0]))
    return _speed(lambda: [np.asarray(sample(obs, key)) for key in keys], len(keys))


def _scan(optimizer: optax.GradientTransformation, rows: Any, count: int, state: Any, key: jax.Array) -> Any:
    alphas = np.cos((np.arange(101) / 100 + 0.008) / 1.008 * np.pi / 2) ** 2
    signal = jnp.asarray(np.cumprod(np.maximum(alphas[1:] / alphas[:-1], 1e-3)), jnp.float32)

    def loss(weights: Any, obs: jax.Array, clean: jax.Array, key: jax.Array) -> jax.Array:
        step_key, noise_key = jax.random.split(key)
        step = jax.random.randint(step_key, (BATCH,), 0, 100)
        noise, share = jax.random.normal(noise_key, clean.shape), signal[step][:, None]
        angles = ((step + 1) / np.float32(100))[:, None] * FREQUENCIES
        noisy = jnp.sqrt(share) * clean + jnp.sqrt(1.0 - share) * noise
        first, *middle, last = weights
        x = jnp.concatenate([obs @ first[0] + first[1], noisy, jnp.sin(angles), jnp.cos(angles)], axis=1)
        for weight, bias in middle:
            x = jax.nn.gelu(x @ weight + bias)
        return jnp.mean((x @ last[0] + last[1] - noise) ** 2)

    def body(state: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        weights, moments, average, step = state
        rows_key, loss_key = jax.random.split(key)
        chosen = jax.random.randint(rows_key, (BATCH,), 0, ROWS)
        value, gradient = jax.value_and_grad(loss)(weights, rows[0][chosen], rows[1][chosen], loss_key)
        change, moments = optimizer.update(gradient, moments, weights)
        weights = optax.apply_updates(weights, change)
        decay = jnp.minimum(1.0 - (1.0 + step) ** -0.75, 0.9999)
        average = jax.tree.map(lambda old, new: decay * old + (1.0 - decay) * new, average, weights)
        return (weights, moments, average, step + 1.0), value

    return jax.lax.scan(body, state, jax.random.split(key, count))[0]


def _prepared(hidden: tuple[int, ...]) -> Any:
    net = Build("network", "mlp", network, MLP(hidden=()))
    head = Build("policy", "diffusion", policy, Diffusion(features=FEATURES, hidden=hidden), (net,))
    spec = BC(num_steps=10_000_000, batch_size=BATCH, average=True)
    demos = _demonstrations()
    return loop.prepare(lambda key: imitate(spec, head, demos, key=key), (), key=jax.random.key(0), num_seeds=1)


def _demonstrations() -> Demonstrations:
    random = np.random.default_rng(0)
    return Demonstrations(
        obs=random.normal(size=(ROWS + 1, OBS)).astype(np.float32),
        actions=random.uniform(-1, 1, (ROWS, ACTION)).astype(np.float32),
        rewards=np.zeros(ROWS, np.float32),
        terminated=np.zeros(1, bool),
        truncated=np.ones(1, bool),
        lengths=np.array([ROWS], np.int32),
        spaces=Spaces(observation=Box.symmetric((np.inf,) * OBS), action=Box.symmetric((1.0,) * ACTION)),
    )


def _chunk(hidden: tuple[int, ...]) -> int:
    return 3_000 if max(hidden) <= 64 else 400


def _speed(work: Any, count: int) -> float:
    speeds = []
    for _ in range(5):
        began = time.perf_counter()
        jax.block_until_ready(work())
        speeds.append(count / (time.perf_counter() - began))
    return median(speeds)


if __name__ == "__main__":
    main()
