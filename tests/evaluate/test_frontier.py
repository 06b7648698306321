"""Rewards and divergences in a bandit are exact, and no policy lies above the frontier."""

import json
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.reward import Reward
from ilkit.data.seeds import Seeds
from ilkit.data.spaces import Spaces
from ilkit.env import bandit, pendulum
from ilkit.errors import DataError
from ilkit.evaluate import frontier
from ilkit.measuring.frontier import point_of
from ilkit.testing.stand_ins import wandering

SETTINGS = {"num_arms": 3, "context_size": 2}
SPEC = frontier.Frontier(num_contexts=256, num_points=41)


class Known(Reward):
    """The bandit's own reward, times a factor, and something of its own for the first arm."""

    world: Any
    factor: float
    extra: float
    spaces: Spaces = eqx.field(static=True)
    reads_action: bool = eqx.field(static=True, default=True)

    def __call__(self, obs: Any, action: Any, next_obs: Any, terminated: Any) -> Any:
        return self.factor * self.world.arm_rewards(obs)[action] + self.extra * (action == 0)


def built(rationality: float = 0.0) -> Build[Any]:
    return Build("env", "bandit", bandit.env, bandit.Bandit(demonstrated_rationality=rationality, **SETTINGS))


def alone(thing: Any) -> Seeds[Any]:
    return Seeds(
        jax.tree.map(lambda leaf: jnp.asarray(leaf)[None] if eqx.is_inexact_array_like(leaf) else leaf, thing), {}, 1
    )


def test_what_is_tilted_by_the_true_reward_lies_on_the_frontier_and_another_below_it() -> None:
    env = built()
    world, best, worse = env(), built(2.0)().demonstrator(), built(-1.0)().demonstrator()
    rewards = {
        "true": alone(Known(world, 3.0, 0.0, world.spaces)),
        "wrong": alone(Known(world, 1.0, 6.0, world.spaces)),
    }
    learnt = {"best": alone(best), "worse": alone(worse), **rewards}
    report = frontier.evaluate(
        SPEC, env, wandering(world, 4), alone(world.demonstrator()), key=jax.random.key(0), **learnt
    )
    metrics = json.loads(json.dumps(dict(report.metrics)))
    assert metrics["best"]["below_frontier"] == pytest.approx(0.0, abs=0.02)
    assert metrics["worse"]["below_frontier"] > 0.5
    assert metrics["worse"]["share"] < 0 < metrics["best"]["share"] < 1
    assert metrics["true"]["correlation"] == pytest.approx(1.0, abs=1e-4)
    assert metrics["true"]["reward_at_end"] == pytest.approx(metrics["true"]["most_reward"], abs=0.02)
    assert metrics["wrong"]["reward_at_end"] < metrics["wrong"]["most_reward"] - 0.1
    most, end, at = (metrics["wrong"][name] for name in ("most_reward", "reward_at_end", "divergence_at_most"))
    said = f"On wrong it is seen: {most:.2f} is earned at {at:.1f} nats from the reference, {end:.2f} at the end, "
    assert f"{said}{most - end:.2f} less." in report.summary
    assert f"On true it isn't seen: {metrics['true']['reward_at_end']:.2f} is earned at the end" in report.summary
    assert report.html.count("Over-optimization is to follow a learnt reward so far that the true one falls") == 1


def test_a_point_is_that_of_a_closed_form() -> None:
    log_probs, reference = (
        jnp.log(jnp.asarray([[0.5, 0.5], [0.9, 0.1]])),
        jnp.log(jnp.asarray([[0.5, 0.5], [0.5, 0.5]])),
    )
    reward, divergence = point_of(log_probs, reference, jnp.asarray([[0.0, 2.0], [1.0, -1.0]]))
    assert reward == pytest.approx((1.0 + 0.8) / 2)
    assert divergence == pytest.approx((0.9 * np.log(1.8) + 0.1 * np.log(0.2)) / 2, rel=1e-5)


def test_rewards_must_be_known() -> None:
    env = Build("env", "pendulum", pendulum.env, pendulum.Pendulum(max_steps=2))
    world = env()
    with pytest.raises(DataError, match=r"evaluate\.frontier\.kind: must be one for this environment"):
        frontier.evaluate(SPEC, env, wandering(world, 4), alone(built()().demonstrator()), key=jax.random.key(0))
