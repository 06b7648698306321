"""How fast the updates of finetune.rlpd are as the least JAX loop: no environment, no buffer, no scale of values.

    NPROC=1 python benchmarks/least_rlpd.py [WIDTH]

Ten normalized critics of 2 × WIDTH (64 by default) and an actor of 2 × 64, batches of 256 rows of a pendulum; the least
of two random critics in the soft targets, slow copies after every update, the actor and the temperature after twenty.
"""

import sys
import time
from functools import partial
from statistics import median

import jax
import jax.numpy as jnp
import optax

WIDTH = int(sys.argv[1]) if len(sys.argv) > 1 else 64
CRITICS, UPDATES, BATCH, OBS, ACT, ROUNDS = 10, 20, 256, 3, 1, 10
CRITIC_ADAM, ACTOR_ADAM = optax.adam(1e-3), optax.adam(3e-4)


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


def began(key):
    critics = layers(key, (OBS + ACT, WIDTH, WIDTH, 1), (CRITICS,))
    for layer in critics[:-1]:
        layer |= {"g": jnp.ones_like(layer["b"]), "o": jnp.zeros_like(layer["b"])}
    actor = {"policy": layers(key, (OBS, 64, 64, 2 * ACT)), "temperature": jnp.zeros(())}
    return critics, critics, actor, CRITIC_ADAM.init(critics), ACTOR_ADAM.init(actor)


def update(actor, carried, drawn):
    critics, slow, moments = carried
    batch, noise, subset = drawn
    obs, act, reward, following, ended = jnp.split(batch, (OBS, OBS + ACT, OBS + ACT + 1, 2 * OBS + ACT + 1), -1)
    action, log_prob = sample(actor["policy"], following, noise)
    chosen = jax.tree.map(lambda leaf: leaf[subset], slow)
    values = jax.vmap(critic, (0, None))(chosen, jnp.concatenate([following, action], -1)).min(0)
    target = reward[:, 0] + 0.99 * (1 - ended[:, 0]) * (values - jnp.exp(actor["temperature"]) * log_prob)

    def loss(critics):
        outputs = jax.vmap(critic, (0, None))(critics, jnp.concatenate([obs, act], -1))
        return 0.5 * jnp.mean(jnp.sum((outputs - target) ** 2, axis=0))

    changes, moments = CRITIC_ADAM.update(jax.grad(loss)(critics), moments)
    critics = optax.apply_updates(critics, changes)
    return (critics, optax.incremental_update(critics, slow, 0.005), moments), obs


def actor_loss(actor, critics, obs, noise):
    action, log_prob = sample(actor["policy"], obs, noise)
    value = jax.vmap(critic, (0, None))(critics, jnp.concatenate([obs, action], -1)).mean()
    temperature, cost, frozen = jnp.exp(actor["temperature"]), log_prob.mean(), jax.lax.stop_gradient
    return frozen(temperature) * cost - value - temperature * (frozen(cost) - ACT)


def one_round(rows, state, keys):
    critics, slow, actor, critic_moments, actor_moments = state
    row_key, noise_key, subset_key = keys
    places = jax.random.randint(row_key, (UPDATES, BATCH), 0, len(rows))
    noise = jax.random.normal(noise_key, (UPDATES + 1, BATCH, ACT))
    subsets = jax.lax.top_k(jax.random.uniform(subset_key, (UPDATES, CRITICS)), 2)[1]
    drawn = (rows[places], noise[:-1], subsets)
    (critics, slow, critic_moments), obs = jax.lax.scan(partial(update, actor), (critics, slow, critic_moments), drawn)
    changes, actor_moments = ACTOR_ADAM.update(jax.grad(actor_loss)(actor, critics, obs[-1], noise[-1]), actor_moments)
    return (critics, slow, optax.apply_updates(actor, changes), critic_moments, actor_moments), None


@jax.jit
def run(rows, state, key):
    return jax.lax.scan(partial(one_round, rows), state, jax.random.split(key, (ROUNDS, 3)))[0]


def main() -> None:
    key = jax.random.key(0)
    rows = jax.random.normal(key, (100_000, 2 * OBS + ACT + 2))
    state, speeds = jax.block_until_ready(run(rows, began(key), key)), []
    for _ in range(5):
        start = time.process_time()
        state = jax.block_until_ready(run(rows, state, key))
        speeds.append(ROUNDS * UPDATES / (time.process_time() - start))
    print(f"least rlpd: {median(speeds):,.0f}")


if __name__ == "__main__":
    main()
