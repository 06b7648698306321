import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.env import pendulum, point_mass
from ilkit.errors import DataError
from ilkit.expert import lqr
from ilkit.stepping.episodes import collect_episodes

WORLD = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_steps=200))


def test_the_return_is_the_value_function() -> None:
    expert = lqr.expert(lqr.LQR(), WORLD, key=jax.random.key(0))
    run = collect_episodes(WORLD(), expert, num_episodes=20, key=jax.random.key(1))
    _, P = lqr.solve(WORLD().linear_quadratic())
    first = run.obs[:, 0]
    np.testing.assert_allclose(-run.returns, np.einsum("ei,ij,ej->e", first, P, first), rtol=1e-4)
    np.testing.assert_array_equal(run.intended, run.executed)  # the limits never bind


def test_another_gain_does_worse() -> None:
    expert = lqr.expert(lqr.LQR(), WORLD, key=jax.random.key(0))

    def mean_return(gain: jax.Array) -> float:
        other = eqx.tree_at(lambda policy: policy.gain, expert, gain)
        run = collect_episodes(WORLD(), other, num_episodes=64, key=jax.random.key(1))
        return float(run.returns.mean())

    best = mean_return(expert.gain)
    for seed in range(5):
        change = jnp.asarray(np.random.default_rng(seed).normal(0, 0.1, expert.gain.shape), jnp.float32)
        assert mean_return(expert.gain + change) < best


def test_the_riccati_equation_holds() -> None:
    A, B, Q, R = (np.asarray(matrix, np.float64) for matrix in WORLD().linear_quadratic())
    K, P = lqr.solve(WORLD().linear_quadratic())
    closed = A - B @ K
    np.testing.assert_allclose(P, Q + K.T @ R @ K + closed.T @ P @ closed, rtol=1e-8)
    assert np.abs(np.linalg.eigvals(closed)).max() < 1


def test_a_system_that_it_does_not_suit_is_named() -> None:
    with pytest.raises(DataError, match="linear system with quadratic cost, got env"):
        lqr.expert(lqr.LQR(), Build("env", "pendulum", pendulum.env, pendulum.Pendulum()), key=jax.random.key(0))
    weak = Build("env", "point_mass", point_mass.env, point_mass.PointMass(max_force=1.0))
    with pytest.raises(DataError, match="limit"):
        lqr.expert(lqr.LQR(), weak, key=jax.random.key(0))
