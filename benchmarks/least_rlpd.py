"""How fast the updates of finetune.rlpd are as the least JAX loop: no environment, no buffer, no scale of values.

    NPROC=1 python benchmarks/least_rlpd.py [WIDTH]

Ten normalized critics of 2 × WIDTH (64 by default) and an actor of 2 × 64, batches of 256 rows of a pendulum; the least
of two random critics in the soft targets, slow copies after every update, the actor and the temperature after twenty.
"""

import sys
import time
from statistics import median

import jax
import jax.numpy as jnp
import optax

WIDTH = int(sys.argv[1]) if len(sys.argv) > 1 else 64
CRITICS, UPDATES, BATCH, OBS, ACT, ROUNDS = 10, 20, 256, 3, 1, 10


def layers(key, sizes, lead=()):
    keys = jax.random.split(key, len(sizes) - 1)
    pairs = zip(sizes[:-1], sizes[1:], keys, strict=True)
    return [{"w": jax.random.normal(key, (*lead, i, o)) / i**0.5, "b": jnp.zeros((*lead, o))} for i, o, key in pairs]


def critic(parameters, x):
    *hidden, last = parameters
    for layer in hidden:
        x = x @ layer["w"] + layer["b"]
        x = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-6)
        x = jax.nn.relu(layer["g"] * x + layer["o"])
    return (x @ last["w"] + last["b"])[..., 0]


def sample(actor, obs, noise):
    x = obs
    for layer in actor[:-1]:
        x = jnp.tanh(x @ layer["w"] + layer["b"])
    mean, raw = jnp.split(x @ actor[-1]["w"] + actor[-1]["b"], 2, -1)
    log_std = -5 + 7 * jax.nn.sigmoid(raw)
    x = mean + jnp.exp(log_std) * noise
    log_prob = -0.5 * noise**2 - log_std - 0.919 - 2 * (jnp.log(2.0) - x - jax.nn.softplus(-2 * x))
    return jnp.tanh(x), log_prob.sum(-1)


def main() -> None:
    key = jax.random.key(0)
    critics = layers(key, (OBS + ACT, WIDTH, WIDTH, 1), (CRITICS,))
    for layer in critics[:-1]:
        layer |= {"g": jnp.ones_like(layer["b"]), "o": jnp.zeros_like(layer["b"])}
    actor = {"policy": layers(key, (OBS, 64, 64, 2 * ACT)), "temperature": jnp.zeros(())}
    critic_adam, actor_adam = optax.adam(1e-3), optax.adam(3e-4)
    rows = jax.random.normal(key, (100_000, 2 * OBS + ACT + 2))
    state = (critics, critics, actor, critic_adam.init(critics), actor_adam.init(actor))

    def update(carried, drawn):
        critics, slow, moments, actor = carried
        batch, noise, subset = drawn
        obs, act, reward, following, ended = jnp.split(batch, (OBS, OBS + ACT, OBS + ACT + 1, 2 * OBS + ACT + 1), -1)
        action, log_prob = sample(actor["policy"], following, noise)
        chosen = jax.tree.map(lambda leaf: leaf[subset], slow)
        values = jax.vmap(critic, (0, None))(chosen, jnp.concatenate([following, action], -1)).min(0)
        target = reward[:, 0] + 0.99 * (1 - ended[:, 0]) * (values - jnp.exp(actor["temperature"]) * log_prob)

        def loss(critics):
            outputs = jax.vmap(critic, (0, None))(critics, jnp.concatenate([obs, act], -1))
            return 0.5 * jnp.mean(jnp.sum((outputs - target) ** 2, axis=0))

        changes, moments = critic_adam.update(jax.grad(loss)(critics), moments)
        critics = optax.apply_updates(critics, changes)
        return (critics, optax.incremental_update(critics, slow, 0.005), moments, actor), obs

    def round_(state, keys):
        critics, slow, actor, critic_moments, actor_moments = state
        row_key, noise_key, subset_key = keys
        places = jax.random.randint(row_key, (UPDATES, BATCH), 0, len(rows))
        noise = jax.random.normal(noise_key, (UPDATES + 1, BATCH, ACT))
        subsets = jax.lax.top_k(jax.random.uniform(subset_key, (UPDATES, CRITICS)), 2)[1]
        carried, obs = jax.lax.scan(update, (critics, slow, critic_moments, actor), (rows[places], noise[:-1], subsets))
        critics, slow, critic_moments, _ = carried

        def loss(actor):
            action, log_prob = sample(actor["policy"], obs[-1], noise[-1])
            value = jax.vmap(critic, (0, None))(critics, jnp.concatenate([obs[-1], action], -1)).mean()
            temperature, cost = jnp.exp(actor["temperature"]), log_prob.mean()
            frozen = jax.lax.stop_gradient
            return frozen(temperature) * cost - value - temperature * (frozen(cost) - ACT)

        changes, actor_moments = actor_adam.update(jax.grad(loss)(actor), actor_moments)
        return (critics, slow, optax.apply_updates(actor, changes), critic_moments, actor_moments), None

    @jax.jit
    def run(state, key):
        return jax.lax.scan(round_, state, jax.random.split(key, (ROUNDS, 3)))[0]

    state, speeds = jax.block_until_ready(run(state, key)), []
    for _ in range(5):
        began = time.process_time()
        state = jax.block_until_ready(run(state, key))
        speeds.append(ROUNDS * UPDATES / (time.process_time() - began))
    print(f"least rlpd: {median(speeds):,.0f}")


if __name__ == "__main__":
    main()
