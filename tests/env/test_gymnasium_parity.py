"""The pure-JAX environments do what gymnasium's do, step by step, from gymnasium's own states."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.data.environment import Environment
from ilkit.env import acrobot, cart_pole, mountain_car, mountain_car_continuous, pendulum

NUM_STEPS = 400


class Case(NamedTuple):
    name: str
    env: Environment
    act: Callable[[np.random.Generator, np.ndarray], np.ndarray]


def pump(rng: np.random.Generator, obs: np.ndarray) -> np.ndarray:
    """Reaches the goal of the mountain car, and so its termination."""
    return np.clip(np.sign(obs[1:]) + rng.normal(0, 0.3, 1), -1, 1).astype(np.float32)


def push_along(rng: np.random.Generator, obs: np.ndarray) -> np.ndarray:
    """Mostly along the motion, which gathers energy: of the car, and of the acrobot's second link against its first."""
    along = obs[1] if len(obs) == 2 else -obs[4]
    return np.asarray(rng.integers(3) if rng.random() < 0.2 else 2 * (along >= 0.0))


CASES = [
    Case("Acrobot-v1", acrobot.env(acrobot.Acrobot()), push_along),
    Case("Pendulum-v1", pendulum.env(pendulum.Pendulum()), lambda rng, _: rng.uniform(-3, 3, 1).astype(np.float32)),
    Case("CartPole-v1", cart_pole.env(cart_pole.CartPole()), lambda rng, _: np.asarray(rng.integers(2))),
    Case("MountainCar-v0", mountain_car.env(mountain_car.MountainCar()), push_along),
    Case(
        "MountainCarContinuous-v0", mountain_car_continuous.env(mountain_car_continuous.MountainCarContinuous()), pump
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_step_is_gymnasiums(case: Case) -> None:
    theirs = gymnasium.make(case.name).unwrapped
    states, actions, outcomes = trajectory(theirs, case.act)
    ours = eqx.filter_jit(jax.vmap(lambda state, action: one_step(case.env, state, action)))(states, actions)
    for got, expected in zip(ours, outcomes, strict=True):
        np.testing.assert_allclose(np.asarray(got, np.float64), expected, atol=1e-5, rtol=1e-6)
    assert outcomes[2].any() or case.name == "Pendulum-v1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spaces_and_limits_are_gymnasiums(case: Case) -> None:
    theirs = gymnasium.make(case.name)
    np.testing.assert_allclose(case.env.spaces.observation.low, theirs.observation_space.low, rtol=1e-6)
    np.testing.assert_allclose(case.env.spaces.observation.high, theirs.observation_space.high, rtol=1e-6)
    assert theirs.spec is not None
    assert case.env.max_steps == theirs.spec.max_episode_steps
    if isinstance(theirs.action_space, gymnasium.spaces.Discrete):
        assert case.env.spaces.action.size == theirs.action_space.n
    else:
        np.testing.assert_allclose(case.env.spaces.action.high, theirs.action_space.high)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_initial_states_have_gymnasiums_distribution(case: Case) -> None:
    theirs = gymnasium.make(case.name).unwrapped
    rows = []
    for seed in range(1000):
        theirs.reset(seed=seed)
        rows.append(np.array(theirs.state))
    ours = np.asarray(jax.jit(jax.vmap(lambda key: case.env.reset(key=key)))(jax.random.split(jax.random.key(0), 1000)))
    spread = np.std(rows, axis=0)
    np.testing.assert_allclose(ours.mean(axis=0), np.mean(rows, axis=0), atol=0.15 * spread.max())
    np.testing.assert_allclose(ours.std(axis=0), spread, rtol=0.1)
    np.testing.assert_allclose(ours.max(axis=0), np.max(rows, axis=0), atol=0.05 * spread.max())


def one_step(env: Environment, state: Array, action: Array) -> tuple[Array, Array, Array]:
    state, (reward, terminated) = env.step(state, action, key=jax.random.key(0))
    return env.observe(state), reward, terminated


def trajectory(env: gymnasium.Env, act: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> tuple:
    """States before, actions, and observations, rewards and ends after, along episodes of one environment."""
    rng = np.random.default_rng(0)
    obs, _ = env.reset(seed=0)
    rows = []
    for _ in range(NUM_STEPS):
        state, action = np.array(env.state, np.float64), act(rng, obs)
        if len(state) == 2 and len(obs) == 3:
            state[0] = (state[0] + np.pi) % (2 * np.pi) - np.pi  # the pendulum's angle grows without limit there
        obs, reward, terminated, _, _ = env.step(action if action.ndim else int(action))
        rows.append((state, action, np.array(obs), reward, terminated))
        if terminated:
            obs, _ = env.reset()
    states, actions, *outcomes = (np.stack(column) for column in zip(*rows, strict=True))
    return jnp.asarray(states, jnp.float32), jnp.asarray(actions), outcomes
