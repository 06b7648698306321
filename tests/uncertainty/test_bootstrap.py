"""The bootstrap against what is known of it in closed form."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Discrete, Spaces
from ilkit.data.uncertainty import Uncertainty
from ilkit.errors import DataError
from ilkit.running import loop
from ilkit.uncertainty.bootstrap import Bootstrap, resample, uncertainty


def learn(spec: Bootstrap, policy: Any, demos: Demonstrations) -> Any:
    return loop.train(lambda key: uncertainty(spec, policy, demos, key=key), key=jax.random.key(1))[0]


def covariances(uncertainty: Uncertainty, obs: np.ndarray) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(uncertainty.covariance))(jnp.asarray(obs, jnp.float32)))


def multiplicities(spec: Bootstrap, demos: Demonstrations) -> np.ndarray:
    return np.asarray(eqx.filter_jit(resample)(spec, demos.transitions(), key=jax.random.key(0)))


@pytest.mark.parametrize(("fraction", "factor"), [(None, 9 / 100), (0.5, 1 / 5 - 1 / 10), (0.2, 1 / 2 - 1 / 10)])
def test_variance_of_a_mean_is_that_of_the_resampling_rule(
    demonstrate: Any, fraction: float | None, factor: float
) -> None:
    numbers = np.random.default_rng(0).normal(size=(10, 1))
    demos = demonstrate(np.zeros((10, 1)), numbers, num_episodes=2)
    drawn = multiplicities(Bootstrap(num_members=4000, unit="transition", fraction=fraction), demos)
    assert drawn.shape == (4000, 16)
    assert (drawn[:, 10:] == 0).all()
    assert (drawn.sum(axis=1) == (10 if fraction is None else 10 * fraction)).all()
    means = drawn[:, :10] @ numbers[:, 0] / drawn.sum(axis=1)
    assert np.var(means) == pytest.approx(factor * np.var(numbers, ddof=1), rel=0.1)


@pytest.mark.parametrize("fraction", [None, 0.5])
def test_trajectories_are_drawn_whole(demonstrate: Any, fraction: float | None) -> None:
    demos = demonstrate(np.zeros((40, 1)), np.zeros((40, 1)), num_episodes=8)
    drawn = multiplicities(Bootstrap(num_members=100, unit="trajectory", fraction=fraction), demos)
    episodes = drawn[:, :40].reshape(100, 8, 5)
    assert (episodes == episodes[:, :, :1]).all()
    assert (drawn[:, 40:] == 0).all()
    assert (episodes[:, :, 0].sum(axis=1) == (8 if fraction is None else 4)).all()
    assert (episodes.max() > 1) == (fraction is None)


def test_members_fit_their_own_data(demonstrate: Any, head: Any) -> None:
    numbers = np.random.default_rng(0).uniform(-1, 1, size=(40, 2))
    demos = demonstrate(np.zeros((40, 1)), numbers)
    spec = Bootstrap(num_members=6, learning_rate=0.05, batch_size=1024, num_steps=300)
    drawn = np.diff(uncertainty(spec, head(), demos, key=jax.random.key(0)).state.cumulative, prepend=0)[:, :40]
    learnt = loop.train(lambda key: uncertainty(spec, head(), demos, key=jax.random.key(0)), key=jax.random.key(0))[0]
    expected = drawn @ numbers / drawn.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(learnt.actions(jnp.zeros(1)), expected, atol=0.02)


@pytest.mark.parametrize(("kind", "unit"), [("deterministic", "transition"), ("gaussian", "trajectory")])
def test_covariance_of_linear_regression(demonstrate: Any, head: Any, kind: str, unit: Any) -> None:
    random, sigma, size = np.random.default_rng(0), 0.5, 8
    inputs = random.normal(size=(128, 2))
    features = np.c_[inputs, np.ones(128)]
    actions = features @ random.normal(size=(3, size)) + sigma * random.normal(size=(128, size))
    demos = demonstrate(inputs, actions, num_episodes=128)
    spec = Bootstrap(num_members=100, unit=unit, unbiased=True, learning_rate=0.03, batch_size=128, num_steps=400)
    learnt = learn(spec, head(kind=kind), demos)
    points = random.normal(size=(20, 2))
    at_points = np.c_[points, np.ones(20)]
    exact = sigma**2 * np.einsum("ni,ij,nj->n", at_points, np.linalg.inv(features.T @ features), at_points)
    found = covariances(learnt, points)
    np.testing.assert_allclose(np.trace(found, axis1=1, axis2=2) / size, exact, rtol=0.2)
    correlations = found / exact[:, None, None] - np.eye(size)
    assert np.abs(correlations.mean(axis=0)[~np.eye(size, dtype=bool)]).max() < 0.5


def test_in_the_mean_of_data_sets_the_covariance_is_that_of_least_squares(demonstrate: Any) -> None:
    """A single data set proves nothing: its ratio lies anywhere between about .4 and 1.75. Members fit their data."""
    random, sigma, ratios = np.random.default_rng(0), 0.5, []
    spec = Bootstrap(num_members=100, unit="transition")
    for number in range(30):
        features = np.c_[random.normal(size=(40, 2)), np.ones(40)]
        actions = features @ random.normal(size=3) + sigma * random.normal(size=40)
        rows = demonstrate(features[:, :2], actions[:, None]).transitions()
        weights = np.asarray(eqx.filter_jit(resample)(spec, rows, key=jax.random.key(number)))[:, :40]
        weighted = features.T * weights[:, None]
        members = np.linalg.solve(weighted @ features, (weighted @ actions)[..., None])[..., 0]
        exact = sigma**2 * np.linalg.inv(features.T @ features)
        ratios.append(np.trace(np.cov(members.T)) / np.trace(exact))
    assert np.mean(ratios) == pytest.approx(1.0, rel=0.2)
    assert np.min(ratios) < 0.8
    assert np.max(ratios) > 1.2


@pytest.mark.parametrize("unit", ["transition", "trajectory"])
def test_members_disagree_in_a_hole_of_the_data(demonstrate: Any, head: Any, unit: Any) -> None:
    random = np.random.default_rng(0)
    obs = random.permutation(np.r_[random.uniform(-2, -0.7, 100), random.uniform(0.7, 2, 100)])[:, None]
    demos = demonstrate(obs, np.c_[np.sin(3 * obs), np.cos(2 * obs)] + 0.1 * random.normal(size=(200, 2)), 20)
    learnt = learn(Bootstrap(num_members=30, unit=unit, learning_rate=3e-3, num_steps=600), head(32, 32), demos)
    hole, on = np.linspace(-0.4, 0.4, 21)[:, None], np.linspace(0.8, 1.9, 21)[:, None]
    scale = [np.trace(covariances(learnt, at), axis1=1, axis2=2).mean() for at in (hole, np.r_[-on, on])]
    assert scale[0] > 3 * scale[1] > 0


def test_discrete_actions_are_refused(demonstrate: Any, head: Any) -> None:
    demos = demonstrate(np.zeros((16, 1)), np.zeros((16, 1)))
    discrete = Demonstrations(
        demos.obs,
        np.zeros(16, np.int32),
        demos.rewards,
        demos.terminated,
        demos.truncated,
        demos.lengths,
        spaces=Spaces(observation=demos.spaces.observation, action=Discrete(size=2)),
    )
    with pytest.raises(DataError, match="continuous action space, got 2 discrete actions"):
        uncertainty(Bootstrap(), head(), discrete, key=jax.random.key(0))


def test_one_trajectory_is_not_resampled(demonstrate: Any, head: Any) -> None:
    demos = demonstrate(np.zeros((16, 1)), np.zeros((16, 1)), num_episodes=1)
    with pytest.raises(DataError, match="at least 2 episodes, got 1"):
        uncertainty(Bootstrap(), head(), demos, key=jax.random.key(0))


@pytest.mark.parametrize("unit", ["transition", "trajectory"])
@pytest.mark.parametrize("fraction", [None, 0.5])
def test_steps_that_do_not_count_are_no_units(demonstrate: Any, unit: Any, fraction: float | None) -> None:
    """Of 8 episodes of 5 steps every other step of the last four counts: 10 steps of 4 episodes."""
    demos = demonstrate(np.zeros((40, 1)), np.zeros((40, 1)), num_episodes=8)
    weights = np.where(np.arange(40) >= 20, np.arange(40) % 2, 0).astype(np.float32)
    drawn = multiplicities(
        Bootstrap(num_members=200, unit=unit, fraction=fraction), dataclasses.replace(demos, weights=weights)
    )
    assert (drawn[:, :20] == 0).all()
    if unit == "trajectory":
        assert (drawn[:, 20:40:5].sum(axis=1) == (4 if fraction is None else 2)).all()
        return
    assert (drawn[:, weights.nonzero()[0]].sum(axis=1) == (10 if fraction is None else 5)).all()
    assert drawn[:, :40][:, weights == 0].sum() == 0
