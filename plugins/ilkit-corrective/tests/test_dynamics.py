"""Residual dynamics: numbers without units, what each constraint costs, and the Lipschitz constant that is promised."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ilkit_corrective.constraint import Batch, penalty, slack_error, squared_error
from ilkit_corrective.dynamics import ResidualDynamics, shrunk, spectral_norms
from ilkit_corrective.learning import DynamicsSpec, learn_dynamics
from ilkit_corrective.scale import Scale

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError, NonFiniteError
from ilkit.nn.perceptron import Layers, build_layers

SMALL: dict[str, Any] = {"hidden": (16, 16), "num_steps": 300, "batch_size": 64}


def linear(gain: float) -> Layers:
    return Layers((gain * jnp.eye(2),), (jnp.zeros(2),), "relu")


def jump(constant: float = 0.0) -> Demonstrations:
    """A point that is moved by its action, or by ten times as much on the right; its third entry never changes."""
    random = np.random.default_rng(0)
    count = 400
    start, action = random.uniform(-1, 1, (count, 2)), random.uniform(-1, 1, (count, 2))
    end = start + np.where(start[:, :1] > 0, 1.0, 0.1) * action
    obs = np.stack([start, end], axis=1).reshape(-1, 2)
    obs = np.c_[obs, np.full(len(obs), constant)].astype(np.float32)
    ended, lengths = np.zeros(count, bool), np.ones(count, np.int32)
    spaces = Spaces(observation=Box.symmetric([9.0] * 3), action=Box.symmetric([1.0, 1.0]))
    rewards = np.zeros(count, np.float32)
    return Demonstrations(obs, action.astype(np.float32), rewards, ended, ~ended, lengths, spaces=spaces)


def learnt(spec: DynamicsSpec, demos: Demonstrations) -> ResidualDynamics:
    return learn_dynamics(spec, demos, key=jax.random.key(0))


def steepest(dynamics: ResidualDynamics) -> float:
    """The largest slope of the network between any two of many inputs."""
    inputs = jax.random.uniform(jax.random.key(2), (300, 5), minval=-2.0, maxval=2.0)
    jacobians = jax.vmap(jax.jacfwd(dynamics.layers))(inputs)
    return float(jnp.max(jnp.linalg.norm(jacobians, ord=2, axis=(1, 2))))


def test_scale_is_the_mean_absolute_deviation() -> None:
    scale = Scale.fit(np.array([[0.0, 1e4 + 0.1], [2.0, 1e4 + 0.1], [4.0, 1e4 + 0.1], [10.0, 1e4 + 0.1]]))
    np.testing.assert_allclose(scale.mean, [4.0, 1e4 + 0.1])
    np.testing.assert_array_equal(scale.deviation, [3.0, 0.0])  # (4 + 2 + 0 + 6) / 4
    np.testing.assert_allclose(scale.scaled(jnp.array([1.0, 7.0])), [-1.0, 0.0])
    np.testing.assert_allclose(scale.restored(jnp.array([-1.0, 5.0])), [1.0, 1e4 + 0.1])


def test_an_entry_that_never_varies_is_ignored_and_stays() -> None:
    dynamics = learnt(DynamicsSpec(constraint="none", **SMALL), jump(constant=3.0))
    obs, action = jnp.array([0.5, 0.5, 3.0]), jnp.array([0.2, -0.2])
    assert dynamics(obs, action)[2] == 0.0
    np.testing.assert_array_equal(dynamics(obs, action), dynamics(obs.at[2].set(40.0), action))


def test_error_is_zero_on_what_is_predicted_and_one_at_one_deviation() -> None:
    dynamics = learnt(DynamicsSpec(constraint="none", **SMALL), jump())
    obs, action = jnp.array([0.5, 0.5, 0.0]), jnp.array([0.2, -0.2])
    predicted = obs + dynamics(obs, action)
    assert dynamics.error(obs, action, predicted) < 1e-6
    np.testing.assert_allclose(dynamics.error(obs, action, predicted + dynamics.change.deviation), 1.0, rtol=1e-5)


def test_the_slope_around_samples_is_penalized_above_the_bound() -> None:
    inputs = jnp.zeros((4000, 2))
    arguments = inputs, jnp.asarray(2.0), jnp.asarray(0.01)
    assert penalty(linear(1.9), *arguments, key=jax.random.key(0)) == 0.0
    found = penalty(linear(5.0), *arguments, key=jax.random.key(0))
    np.testing.assert_allclose(found, (5.0 - 2.0) * 0.01 * np.sqrt(np.pi / 2), rtol=0.03)  # E ‖n‖ in two dimensions


def test_slack_weighs_each_sample_and_pays_for_what_is_given_up() -> None:
    batch = Batch(jnp.array([[1.0, 0.0], [0.0, 0.0]]), jnp.zeros((2, 2)))
    escape = Layers((jnp.array([[jnp.log(3.0), 0.0]]),), (jnp.zeros(1),), "relu")  # σ(λ) = .75 and .5
    np.testing.assert_allclose(squared_error(linear(2.0), batch), 1.0)  # (4 / 2 + 0) / 2
    found = slack_error(linear(2.0), escape, batch, jnp.asarray(0.4))
    np.testing.assert_allclose(found, 0.75 * 2.0 / 2 - 0.4 * (0.75 + 0.5) / 2, rtol=1e-6)


def test_layers_are_shrunk_to_the_bound_and_no_further() -> None:
    layers = build_layers((3, 8, 2), "relu", key=jax.random.key(0))
    layers = eqx.tree_at(lambda tree: tree.weights[0], layers, 10.0 * layers.weights[0])
    bounded = shrunk(layers, spectral_norms(layers), jnp.asarray(2.0))
    np.testing.assert_allclose(spectral_norms(bounded)[0], 2.0, rtol=1e-5)
    np.testing.assert_array_equal(bounded.weights[1], layers.weights[1])


@pytest.mark.parametrize("constraint", ["spectral", "slack"])
def test_the_learnt_network_keeps_its_lipschitz_constant(constraint: Any) -> None:
    spec = DynamicsSpec(constraint=constraint, lipschitz=0.9, **SMALL)
    dynamics = learnt(spec, jump())
    assert (spectral_norms(dynamics.layers) <= 0.9 * (1 + 1e-5)).all()
    assert steepest(dynamics) <= 0.9**3
    assert steepest(learnt(DynamicsSpec(constraint="none", **SMALL), jump())) > 1.0


def test_the_penalty_makes_slopes_smaller() -> None:
    free, bound = (
        steepest(learnt(DynamicsSpec(constraint=constraint, lipschitz=0.3, penalty_weight=300.0, **SMALL), jump()))
        for constraint in ("none", "penalty")
    )
    assert bound < 0.6 * free


def test_observations_that_never_change_are_refused() -> None:
    demos = jump()
    still = eqx.tree_at(lambda tree: tree.obs, demos, np.repeat(demos.obs[::2], 2, axis=0))
    with pytest.raises(DataError, match="consecutive observations"):
        learn_dynamics(DynamicsSpec(**SMALL), still, key=jax.random.key(0))


def test_dynamics_that_diverge_are_named() -> None:
    spec = DynamicsSpec(constraint="none", learning_rate=1e30, **SMALL)
    with pytest.raises(NonFiniteError, match="The loss of the dynamics must stay finite"):
        learnt(spec, jump())
