"""DART: the noise is like the error of the clone, on a linear system of which it is known."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces
from ilkit.env import cart_pole, gymnasium, pendulum, point_mass, recall
from ilkit.expert.lqr import LQR, LinearPolicy, expert
from ilkit.rollout import dart, episodes
from ilkit.rollout.dart import DART, Error, error_of, noise_of

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
POINT = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=30))
EXPERT = expert(LQR(), POINT, key=KEY)
SMALL = {"hidden": (8,), "num_gradient_steps": 300, "num_episodes": 8, "num_rounds": 2}


def linear(gain: np.ndarray) -> LinearPolicy:
    return eqx.tree_at(lambda policy: policy.gain, EXPERT, jnp.asarray(gain, jnp.float32))


def record(world: Build = POINT, policy: Policy = EXPERT, seed: int = 0, **settings) -> Demonstrations:
    return dart.rollout(DART(**SMALL | settings), world, policy, key=jax.random.key(seed))


def plain(count: int = 8, **settings) -> Demonstrations:
    return episodes.rollout(episodes.Episodes(num_episodes=count, **settings), POINT, EXPERT, key=KEY)


def assert_equal(one: Demonstrations, other: Demonstrations) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_error_on_a_linear_system_is_that_of_its_states() -> None:
    """The mean of (K - K̂) x xᵀ (K - K̂)ᵀ over episodes of x' = (A - BK) x, from the moments of x."""
    system = POINT().linear_quadratic()
    closed = np.asarray(system.dynamics) - np.asarray(system.control) @ np.asarray(EXPERT.gain)
    off = np.asarray(EXPERT.gain) + np.random.default_rng(0).normal(0.0, 0.3, EXPERT.gain.shape)
    held_out = plain(2000, initial_states="uniform", initial_low=(-1.0,) * 4, initial_high=(1.0,) * 4)
    moment, moments = np.eye(4) / 3.0, np.zeros((4, 4))
    for _ in range(30):
        moments += moment / 30
        moment = closed @ moment @ closed.T
    difference = np.asarray(EXPERT.gain) - off
    found = error_of(linear(off), held_out)
    np.testing.assert_allclose(found.covariance, difference @ moments @ difference.T, rtol=0.05, atol=5e-4)
    assert found.rate == pytest.approx(np.trace(found.covariance))
    assert found.horizon == 30.0


@pytest.mark.parametrize("alpha", [0.01, 1.0, 40.0])
def test_alpha_is_the_squared_error_of_an_episode(alpha: float) -> None:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    error = Error(covariance, 3.0, 37.5)
    root = noise_of(error, alpha, POINT().spaces.action)
    assert np.trace(root @ root.T) * 37.5 == pytest.approx(alpha, rel=1e-12)
    np.testing.assert_allclose(root @ root.T, covariance * alpha / (3.0 * 37.5), rtol=1e-12)
    np.testing.assert_allclose(*(root, root.T))
    measured = noise_of(error, None, POINT().spaces.action)
    np.testing.assert_allclose(measured @ measured.T, covariance, rtol=1e-12)


def test_without_alpha_and_without_error_there_is_no_noise() -> None:
    assert_equal(record(alpha=0.0), plain())
    assert noise_of(Error(np.zeros((2, 2)), 0.0, 10.0), 5.0, POINT().spaces.action) == 0.0
    assert_equal(record(num_rounds=1), plain())


def test_the_first_round_is_plain_and_the_others_are_noisy_with_the_expert_s_labels() -> None:
    demos, without = record(alpha=3.0), plain()
    first = demos.take(np.arange(4))
    np.testing.assert_array_equal(first.executed, first.actions)
    assert_equal(replace(first, executed=None), without.take(np.arange(4)))
    assert (demos.executed != demos.actions)[demos.starts[4] :].all()
    np.testing.assert_array_equal(demos.obs[::31], without.obs[::31])
    assert not np.allclose(demos.obs, without.obs, atol=1e-3)
    np.testing.assert_allclose(demos.actions, -demos.before() @ np.asarray(EXPERT.gain).T, atol=1e-4)


def test_the_noise_that_is_executed_has_the_covariance(monkeypatch: pytest.MonkeyPatch) -> None:
    roots = []
    original = dart.collect_episodes

    def spy(*args, **kwargs):
        run = original(*args, **kwargs)
        roots.append((kwargs["action_noise"], (run.executed - run.intended).reshape(-1, 2)))
        return run

    monkeypatch.setattr(dart, "collect_episodes", spy)
    record(num_episodes=256, alpha=0.3)
    root, noise = roots[1]
    assert np.trace(root @ root.T) * 30 == pytest.approx(0.3, rel=1e-6)
    np.testing.assert_allclose(noise.T @ noise / len(noise), root @ root.T, rtol=0.1, atol=2e-4)


class Mistaken(Policy):
    """Answers the other way where the cart is on the right."""

    normalizer: Normalizer
    spaces: Spaces = eqx.field(static=True)

    def mode(self, carry, obs):
        return carry, ((obs[2] > 0) ^ (obs[0] > 0)).astype(jnp.int32)


class Upright(Mistaken):
    """Pushes to where the pole leans."""

    def mode(self, carry, obs):
        return carry, (obs[2] > 0).astype(jnp.int32)


def test_the_noise_on_discrete_actions_is_the_rate_of_disagreement() -> None:
    world = Build("env", "cart_pole", cart_pole.env, cart_pole.CartPole(max_steps=40))
    right, wrong = (kind(normalizer=Normalizer.identity(4), spaces=world().spaces) for kind in (Upright, Mistaken))
    demos = episodes.rollout(episodes.Episodes(num_episodes=50), world, right, key=KEY)
    found = error_of(wrong, demos)
    rate = np.mean(demos.before()[:, 0] > 0)
    assert found.covariance is None
    assert found.rate == pytest.approx(rate)
    assert found.horizon == demos.lengths.mean()
    other_action = 0.5  # of two actions, a random one is the other in half of the cases
    assert noise_of(found, None, world().spaces.action) * other_action == pytest.approx(min(rate, 0.5))
    assert noise_of(found, 2.0, world().spaces.action) * other_action == pytest.approx(2.0 / found.horizon)
    assert noise_of(found, 1e9, world().spaces.action) == 1.0
    assert error_of(right, demos).rate == 0.0
    noisy = record(world, right, alpha=4.0, num_episodes=40)
    np.testing.assert_array_equal(noisy.actions, noisy.before()[:, 2] > 0)


def test_the_expert_is_shown_to_more_states() -> None:
    demos, without = record(num_episodes=12, num_rounds=3, alpha=2.0), plain(12)
    spread = [np.linalg.slogdet(np.cov(one.obs.T))[1] for one in (demos, without)]
    assert spread[0] > spread[1]


def test_a_host_environment_is_driven_too() -> None:
    world = Build("env", "gymnasium", gymnasium.env, gymnasium.Gymnasium(id="Pendulum-v1", max_steps=20))
    zero = LinearPolicy(gain=jnp.asarray([[0.0, 1.0, 0.2]]), normalizer=Normalizer.identity(3), spaces=world().spaces)
    demos = record(world, zero, alpha=5.0, num_episodes=4)
    without = episodes.rollout(episodes.Episodes(num_episodes=4), world, zero, key=KEY)
    assert_equal(replace(demos.take(np.arange(2)), executed=None), without.take(np.arange(2)))
    assert not np.array_equal(demos.obs, without.obs)
    np.testing.assert_allclose(demos.actions, -demos.before() @ np.asarray(zero.gain).T, atol=1e-5)


def test_an_expert_with_a_memory_may_demonstrate() -> None:
    world = Build("env", "recall", recall.env, recall.Recall(delay=3))
    demos = record(world, world().demonstrator(), alpha=None)
    assert demos.num_episodes == 8


def test_a_round_has_two_episodes_at_least() -> None:
    with pytest.raises(ValidationError, match="one to learn from and one held out; got 5 episodes in 3 rounds"):
        DART(num_episodes=5, num_rounds=3)
    pendulum_ = pendulum.env(pendulum.Pendulum())
    assert DART(num_episodes=4, num_rounds=1).bytes_needed(pendulum_) == episodes.Episodes(num_episodes=4).bytes_needed(
        pendulum_
    )
