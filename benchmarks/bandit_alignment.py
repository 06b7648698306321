"""Alignment in a bandit whose optimum is known: offline and online, with right answers and wrong ones, and how fast.

    NPROC=1 python benchmarks/bandit_alignment.py

Eight arms, contexts of four entries, linear rewards with a standard deviation of 2, answers by Bradley and Terry on
them, a network of two layers of 64, five seeds, each with rewards of its own. What is given is the share of the way
from choosing uniformly to the best arm always.
"""

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from ilkit.align import cpl, dpo, hinge, ipo
from ilkit.align_online import dpo as online_dpo
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.policy import Policy
from ilkit.data.preferences import Preferences
from ilkit.data.seeds import Seeds
from ilkit.env.bandit import Bandit, BanditEnvironment, env
from ilkit.fitting.minimize import minimize
from ilkit.labeler import simulated
from ilkit.network.mlp import MLP, network
from ilkit.policy import categorical
from ilkit.preferring.losses import dpo_loss
from ilkit.running import loop

ARMS, SIZE, SEEDS = 8, 4, 5
CONTEXTS = jax.random.normal(jax.random.key(9), (4096, SIZE))
LABELER = Build("labeler", "simulated", simulated.labeler, simulated.Simulated(rationality=2.0))


class Problem(NamedTuple):
    """A bandit, and the reference that choices are drawn from."""

    seed: int
    world: BanditEnvironment
    reference: Policy
    rationality: float


def main() -> None:
    warnings.simplefilter("ignore")  # margins of 28 nats are what this is about
    uniform, poor = ([problem(seed, rationality) for seed in range(SEEDS)] for rationality in (0.0, -0.5))
    print("| uniform reference | labels | wrong | reward | greedy |\n| --- | --- | --- | --- | --- |")
    for count, mistake in ((100, 0.0), (300, 0.0), (1000, 0.0), (3000, 0.2)):
        print(row("DPO", partial(offline, dpo, dpo.DPO(), count, mistake), uniform, count, mistake), flush=True)
    for name, module, spec in (
        ("cDPO, ε .1", dpo, dpo.DPO(label_smoothing=0.1)),
        ("robust DPO, ε .1", dpo, dpo.DPO(label_smoothing=0.1, robust=True)),
        ("DPO, anchor .1", dpo, dpo.DPO(anchor=0.1)),
        ("IPO", ipo, ipo.IPO()),
        ("hinge", hinge, hinge.Hinge()),
        ("CPL, λ .5", cpl, cpl.CPL()),
    ):
        print(row(name, partial(offline, module, spec, 1000, 0.0), uniform, 1000, 0.0), flush=True)
    print("\n| questions | reference | offline | two tries of the policy, wasted | one of the reference, wasted |")
    print("| --- | --- | --- | --- | --- |")
    for count in (100, 300, 1000):
        for name, problems in (("uniform", uniform), ("prefers bad arms", poor)):
            print(f"| {count} | {name} | {compared(count, problems)} |", flush=True)
    print(speeds(uniform[0]))


def problem(seed: int, rationality: float) -> Problem:
    world = env(Bandit(num_arms=ARMS, context_size=SIZE, reward_seed=seed))
    assert isinstance(world, BanditEnvironment)
    inner = Build("network", "mlp", network, MLP())
    drawn: Any = categorical.policy(categorical.Categorical(), inner, world.spaces, key=jax.random.key(seed))
    last = lambda policy: (policy.network.layers.weights[-1], policy.network.layers.biases[-1])  # noqa: E731
    silent = eqx.tree_at(last, drawn, replace_fn=jnp.zeros_like)
    return Problem(seed, world, fitted(world, silent, rationality) if rationality else silent, rationality)


def fitted(world: BanditEnvironment, policy: Any, rationality: float) -> Policy:
    """The policy that chooses an arm with a probability ∝ exp(ρ r)."""
    wanted = jax.nn.softmax(rationality * world.arm_rewards(CONTEXTS))

    def loss(policy: Any, *, key: PRNGKeyArray) -> Float[Array, ""]:
        del key
        return -jnp.mean(jnp.sum(wanted * jax.nn.log_softmax(policy.network.layers(CONTEXTS)), axis=-1))

    return eqx.filter_jit(lambda: minimize(loss, optax.adam(3e-3), policy, 1500, key=jax.random.key(0))[0])()


def answered(given: Problem, count: int, mistake: float) -> Preferences:
    """Pairs of the reference's choices in one context each."""
    random = np.random.default_rng(given.seed)
    contexts = random.standard_normal((count, SIZE)).astype(np.float32)
    rewards = np.asarray(given.world.arm_rewards(jnp.asarray(contexts)))
    shares = np.exp(given.rationality * rewards)
    below = (shares / shares.sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :, None] < random.random((count, 1, 2))
    arms = below.sum(axis=1).clip(0, ARMS - 1)
    earned = np.take_along_axis(rewards, arms, axis=1)
    says = random.random(count) < 1 / (1 + np.exp(earned[:, 1] - earned[:, 0]))
    says ^= random.random(count) < mistake
    sides = [clips(given.world, contexts, arms[:, side], earned[:, side]) for side in (0, 1)]
    return Preferences(sides[0], sides[1], says.astype(np.float32))


def clips(world: BanditEnvironment, contexts: np.ndarray, arms: np.ndarray, rewards: np.ndarray) -> Demonstrations:
    ones = np.ones(len(arms), bool)
    twice = np.repeat(contexts, 2, axis=0)
    lengths = np.ones(len(arms), np.int32)
    return Demonstrations(twice, arms.astype(np.int32), rewards, ones, ~ones, lengths, spaces=world.spaces)


def offline(module: Any, spec: Any, count: int, mistake: float, given: Problem) -> Seeds[Policy]:
    asked = answered(given, count, mistake)
    return trained(given, lambda reference, key: module.align(spec, reference, asked, key=key))


def online(pairing: Any, count: int, given: Problem) -> Seeds[Policy]:
    spec = online_dpo.DPO(pairing=pairing, num_steps=count // 20, queries_per_step=20, updates_per_query=10)
    made = Build("env", "bandit", env, Bandit(num_arms=ARMS, context_size=SIZE, reward_seed=given.seed))
    return trained(given, lambda reference, key: online_dpo.align_online(spec, LABELER, made, reference, key=key))


def trained(given: Problem, make: Callable[..., Any]) -> Seeds[Policy]:
    stacked = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, given.reference)
    return loop.train(make, stacked, key=jax.random.key(given.seed))


def shares(world: BanditEnvironment, policy: Policy) -> tuple[float, float]:
    """How far a policy is on the way from uniform choices to the best ones, sampling and greedily."""
    rewards = world.arm_rewards(CONTEXTS)
    log_probs = jax.vmap(lambda obs: jax.vmap(lambda arm: policy.log_prob((), obs, arm)[1])(jnp.arange(ARMS)))(CONTEXTS)
    start, best = rewards.mean(), rewards.max(axis=1).mean()
    sampled = jnp.sum(jnp.exp(log_probs) * rewards, axis=1).mean()
    greedy = jnp.take_along_axis(rewards, log_probs.argmax(axis=1)[:, None], axis=1).mean()
    return float((sampled - start) / (best - start)), float((greedy - start) / (best - start))


def row(name: str, run: Callable[[Problem], Seeds[Policy]], problems: list[Problem], count: int, wrong: float) -> str:
    found = np.asarray([shares(one.world, run(one)[0]) for one in problems])
    cells = [
        f"{mean:.2f} ({least:.2f} to {most:.2f})"
        for mean, least, most in zip(found.mean(axis=0), found.min(axis=0), found.max(axis=0), strict=True)
    ]
    return f"| {name} | {count:,} | {wrong:.0%} | {cells[0]} | {cells[1]} |"


def compared(count: int, problems: list[Problem]) -> str:
    cells = [f"{np.mean([shares(one.world, offline(dpo, dpo.DPO(), count, 0.0, one)[0])[0] for one in problems]):.2f}"]
    for pairing in ("policy", "policy_reference"):
        runs = [online(pairing, count, one) for one in problems]
        reached = np.mean([shares(one.world, run[0])[0] for one, run in zip(problems, runs, strict=True)])
        cells.append(f"{reached:.2f}, {np.mean([run.curves['wasted'].mean() for run in runs]):.0%}")
    return " | ".join(cells)


def speeds(given: Problem) -> str:
    """Gradient steps a second of `align.dpo` and of the least scanned loop of the same loss, in turns; medians of 7."""
    steps, asked = 3000, answered(given, 1000, 0.0)
    training, key = loop.prepare(
        lambda key: dpo.align(dpo.DPO(num_steps=steps), given.reference, asked, key=key), (), key=jax.random.key(0),
        num_seeds=1,
    )  # fmt: skip
    ours, least = [], []
    run, begin = least_loop(given.reference, asked, steps)
    for _ in range(8):
        began = time.perf_counter()
        loop.drive(training, key, 1, chunk_size=steps)
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        jax.block_until_ready(run(begin, key))
        least.append(time.perf_counter() - began)
    rates = [steps / float(np.median(seconds[1:])) for seconds in (ours, least)]
    return (
        f"\nalign.dpo takes {rates[0]:,.0f} steps a second, the least loop {rates[1]:,.0f}: {rates[0] / rates[1]:.2f}."
    )


def least_loop(reference: Any, asked: Preferences, steps: int) -> tuple[Callable[..., Any], Any]:
    contexts = jnp.asarray(asked.first.before())
    arms = jnp.stack([jnp.asarray(side.actions) for side in (asked.first, asked.second)], axis=1)
    answers, layers = jnp.asarray(asked.probability), reference.network.layers
    optimizer = optax.adam(1e-3)

    def ratios(layers: Any, contexts: Array, arms: Array) -> Array:
        log_probs = jnp.take_along_axis(jax.nn.log_softmax(layers(contexts)), arms, axis=1)
        return log_probs[:, 0] - log_probs[:, 1]

    frozen = ratios(layers, contexts, arms)

    def step(carried: Any, key: PRNGKeyArray) -> tuple[Any, Array]:
        layers, state = carried
        rows = jax.random.randint(key, (64,), 0, len(answers))

        def loss(layers: Any) -> Array:
            gaps = ratios(layers, contexts[rows], arms[rows]) - frozen[rows]
            return jnp.mean(dpo_loss(gaps, answers[rows], 0.1))

        value, gradient = jax.value_and_grad(loss)(layers)
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(layers, updates), state), value

    run = jax.jit(lambda carried, key: jax.lax.scan(step, carried, jax.random.split(key, steps))[1])
    return run, (layers, optimizer.init(layers))


if __name__ == "__main__":
    main()
