"""How fast a diffusion policy trains (gradient steps a second) and acts (actions a second, DDIM of 10 steps).

    python benchmarks/diffusion_speed.py ilkit|least train|act WIDTH DEPTH BATCH

`least` is the least scanned JAX loop with the same layers, AdamW and an average of the weights: what can be had. Next
to a plain PyTorch loop with diffusers' scheduler, in one run:

    python benchmarks/side_by_side.py 3 'python benchmarks/diffusion_speed.py ilkit train 256 3 256' \\
        'PEERS/diffusers/bin/python benchmarks/peers/diffusers_speed.py train 256 3 256'

where PEERS/diffusers is a virtual environment with benchmarks/peers/diffusers.txt installed (torch==2.13.0 first).
"""

import sys
import time
from collections.abc import Callable
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
from ilkit.math.denoising import cosine_signal
from ilkit.network.mlp import MLP, network
from ilkit.nn.conditional_head import embed_time
from ilkit.policy.diffusion import Diffusion, policy
from ilkit.running import loop
from ilkit.running.backend import set_up

OBS, ACT, COUNT, FEATURES = 20, 8, 50_000, 64


def main() -> None:
    who, what, *sizes = sys.argv[1:]
    width, depth, batch = map(int, sizes)
    set_up(1, "avx2")
    if what == "act":
        print(f"{who} acts: {_acting((width,) * depth):,.0f}")
        return
    chunk = max(20, 100_000_000 // (width * width * batch * depth))
    run = _ilkit((width,) * depth, batch, chunk) if who == "ilkit" else _least((width,) * depth, batch, chunk)
    run()
    speeds = []
    for _ in range(3):
        began = time.perf_counter()
        run()
        speeds.append(chunk / (time.perf_counter() - began))
    print(f"{who} trains: {median(speeds):,.1f}")


def _recorded() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    obs = random.normal(size=(COUNT + 1, OBS)).astype(np.float32)
    return obs, np.tanh(obs[:-1, :ACT] + 0.1 * random.normal(size=(COUNT, ACT))).astype(np.float32)


def _head(hidden: tuple[int, ...]) -> Build[Any]:
    net = Build("network", "mlp", network, MLP(hidden=()))
    return Build("policy", "diffusion", policy, Diffusion(hidden=hidden, features=FEATURES, activation="relu"), (net,))


def _ilkit(hidden: tuple[int, ...], batch: int, chunk: int) -> Callable[[], object]:
    obs, actions = _recorded()
    spaces = Spaces(observation=Box.symmetric((np.inf,) * OBS), action=Box.symmetric((1.0,) * ACT))
    ended = np.zeros(1, bool)
    demos = Demonstrations(
        obs, actions, np.zeros(COUNT, np.float32), ended, ~ended, np.array([COUNT], np.int32), spaces=spaces
    )
    spec = BC(num_steps=10_000_000, batch_size=batch, average=True)
    training, key = loop.prepare(
        lambda key: imitate(spec, _head(hidden), demos, key=key), (), key=jax.random.key(0), num_seeds=1
    )
    chunks = loop.advance(training, loop.start(training, 1), key=key, num_seeds=1, num_threads=1, chunk_size=chunk)
    return lambda: jax.block_until_ready(next(chunks).state)


def _least(hidden: tuple[int, ...], batch: int, chunk: int) -> Callable[[], object]:
    obs, actions = map(jnp.asarray, _recorded())
    sizes = (FEATURES + ACT + 16, *hidden, ACT)
    keys = jax.random.split(jax.random.key(0), len(sizes))
    layers = [
        (jax.random.normal(key, (a, b)) / a**0.5, jnp.zeros(b))
        for key, a, b in zip(keys, sizes, sizes[1:], strict=False)
    ]
    weights = [(jax.random.normal(keys[-1], (OBS, FEATURES)) / OBS**0.5, jnp.zeros(FEATURES)), *layers]
    optimizer, signal = optax.adamw(1e-3, weight_decay=0.0), jnp.asarray(cosine_signal(100), jnp.float32)

    def loss(weights: Any, seen: Any, clean: Any, key: Any) -> Any:
        step_key, noise_key = jax.random.split(key)
        step, noise = jax.random.randint(step_key, (batch,), 0, 100), jax.random.normal(noise_key, clean.shape)
        share = signal[step][:, None]
        noisy = jnp.sqrt(share) * clean + jnp.sqrt(1.0 - share) * noise
        (first, bias), *layers = weights
        x = jnp.concatenate([seen @ first + bias, noisy, embed_time((step + 1) / 100.0)], axis=1)
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        return jnp.mean((x @ layers[-1][0] + layers[-1][1] - noise) ** 2)

    def step(carried: Any, key: Any) -> Any:
        weights, state, average, count = carried
        rows_key, loss_key = jax.random.split(key)
        rows = jax.random.randint(rows_key, (batch,), 0, COUNT)
        gradient = jax.grad(loss)(weights, obs[rows], actions[rows], loss_key)
        updates, state = optimizer.update(gradient, state, weights)
        weights = optax.apply_updates(weights, updates)
        decay = jnp.minimum(1.0 - (1.0 + count) ** -0.75, 0.9999)
        average = jax.tree.map(lambda old, new: decay * old + (1.0 - decay) * new, average, weights)
        return (weights, state, average, count + 1.0), None

    run = jax.jit(lambda carried, key: jax.lax.scan(step, carried, jax.random.split(key, chunk))[0])
    carried = [(weights, optimizer.init(weights), weights, jnp.zeros(()))]

    def again() -> None:
        carried[0] = jax.block_until_ready(run(carried[0], jax.random.key(1)))

    return again


def _acting(hidden: tuple[int, ...]) -> float:
    spaces = Spaces(observation=Box.symmetric((np.inf,) * OBS), action=Box.symmetric((1.0,) * ACT))
    built, obs = _head(hidden)(spaces, key=jax.random.key(0)), jnp.zeros(OBS)
    act = jax.jit(lambda policy, obs, key: policy.sample((), obs, key=key)[1])
    keys = list(jax.random.split(jax.random.key(0), 200))
    jax.block_until_ready(act(built, obs, keys[0]))
    began = time.perf_counter()
    for key in keys:
        jax.block_until_ready(act(built, obs, key))
    return len(keys) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
