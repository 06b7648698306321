"""An expert that learns from scratch."""

from typing import Any

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.env import cart_pole, gymnasium, point_mass
from ilkit.expert.trained import Trained, expert
from ilkit.running import loop
from ilkit.stepping.episodes import collect_episodes
from ilkit.stepping.random_policy import RandomPolicy

pytestmark = pytest.mark.bits

_PUSH = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=30))
_BALANCE = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole(max_steps=100))
_HOSTED = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Pendulum-v1", max_steps=3))


def _returns(env: Build[Any], policy: Policy, *, stochastic: bool = False) -> float:
    episodes = collect_episodes(env(), policy, num_episodes=64, key=jax.random.key(9), stochastic=stochastic)
    return float(np.mean(episodes.returns))


def _train(env: Build[Any], **settings: Any) -> Any:
    spec = Trained(num_epochs=4, num_minibatches=4, hidden=(16,), critic_hidden=(16,), **settings)
    return loop.train(lambda key: expert(spec, env, key=key), key=jax.random.key(0), num_seeds=spec.num_seeds)


def test_two_seeds_learn_to_balance_a_pole() -> None:
    experts = _train(_BALANCE, learning_rate=0.01, num_envs=16, rollout_length=32, num_steps=20, num_seeds=2)
    drawn = _returns(_BALANCE, RandomPolicy.of(_BALANCE().spaces), stochastic=True)
    learnt = [_returns(_BALANCE, policy) for policy in experts]
    assert min(learnt) > 2 * drawn
    assert learnt[0] != learnt[1] or not np.array_equal(
        experts[0].network.layers.weights[0], experts[1].network.layers.weights[0]
    )


def test_pushing_a_mass_to_rest_is_learnt() -> None:
    learnt = _train(_PUSH, learning_rate=1e-3, num_envs=16, rollout_length=32, num_steps=150)[0]
    drawn = _returns(_PUSH, RandomPolicy.of(_PUSH().spaces), stochastic=True)
    assert _returns(_PUSH, learnt) > 0.2 * drawn


def test_the_normalizer_holds_the_statistics_of_all_that_was_observed() -> None:
    """Over whole episodes without a force to speak of, positions drift with velocities and these never change."""
    policy = _train(_PUSH, num_envs=200, rollout_length=1, num_steps=1)[0]
    np.testing.assert_allclose(policy.normalizer.mean, np.zeros(4), atol=0.15)
    np.testing.assert_allclose(policy.normalizer.std, np.full(4, np.sqrt(1 / 3)), atol=0.06)


def test_an_environment_on_the_host_is_learnt_from() -> None:
    experts = _train(_HOSTED, num_envs=4, rollout_length=8, num_steps=2)
    assert all(np.isfinite(curve).all() for curve in experts.curves.values())
    np.testing.assert_array_equal(experts.curves["episodes"], [[8.0, 20.0]])
