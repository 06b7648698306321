"""Ensembles of critics: silent at first, normalized where wanted, the least of those that were drawn."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.nn.normed_layers import NormedLayers
from ilkit.nn.perceptron import Layers, build_layers
from ilkit.off_policy.critics import build_critics, draw_subsets, least_values, lower_bound, outputs_of
from ilkit.reinforcement.value_scale import ValueScale
from ilkit.testing.problems import tracking_expert

POLICY = tracking_expert("continuous")
OBS = jax.random.normal(jax.random.key(1), (3, 20, 2))
ACTIONS = jax.random.uniform(jax.random.key(2), (3, 20, POLICY.spaces.action.size), minval=-1.0)


def _critics(num_critics: int, *, layer_norm: bool = False) -> Layers:
    """Critics that say something."""
    silent = build_critics(POLICY, num_critics, (8,), layer_norm=layer_norm, key=jax.random.key(0))
    return jax.tree.map(lambda leaf: leaf + jax.random.normal(jax.random.key(leaf.size), leaf.shape), silent)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_every_value_is_0_at_first_and_critics_differ(layer_norm: bool) -> None:
    critics = build_critics(POLICY, 3, (8, 8), layer_norm=layer_norm, key=jax.random.key(0))
    outputs = outputs_of(critics, POLICY, OBS, ACTIONS)
    assert outputs.shape == (3, 3, 20)
    assert not outputs.any()
    assert not np.allclose(critics.weights[0][0], critics.weights[0][1])


def test_hidden_values_are_normalized_as_by_their_definition() -> None:
    layers = NormedLayers.of(build_layers((3, 16, 1), "tanh", key=jax.random.key(3)))
    inputs = 7.0 * jax.random.normal(jax.random.key(4), (5, 3)) + 3.0
    hidden = np.asarray(inputs @ layers.weights[0] + layers.biases[0], np.float64)
    normal = (hidden - hidden.mean(-1, keepdims=True)) / hidden.std(-1, keepdims=True)
    expected = np.tanh(normal) @ np.asarray(layers.weights[1]).T + np.asarray(layers.biases[1])
    np.testing.assert_allclose(layers(inputs), expected, atol=1e-5)


def test_hidden_values_that_are_all_alike_stay_finite() -> None:
    layers = NormedLayers.of(build_layers((3, 16, 1), "tanh", key=jax.random.key(3)))
    alike = eqx.tree_at(lambda layers: layers.weights[0], layers, jnp.ones((3, 16)))
    alike = eqx.tree_at(lambda layers: layers.biases[0], alike, jnp.zeros(16))
    value, slopes = eqx.filter_value_and_grad(lambda layers: layers(1e3 * jnp.ones((2, 3))).sum())(alike)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((value, slopes)))


def test_normalized_critics_are_bounded_however_far_an_action_lies() -> None:
    near, far = (
        [jnp.max(jnp.abs(outputs_of(_critics(2, layer_norm=norm), POLICY, OBS, scale * ACTIONS))) for scale in (1, 1e4)]
        for norm in (True, False)
    )
    assert near[1] < 3 * near[0]
    assert far[1] > 1e3 * far[0]
    assert isinstance(_critics(2, layer_norm=True), NormedLayers)


def test_the_lower_bound_is_what_critics_agree_on() -> None:
    outputs = outputs_of(_critics(4), POLICY, OBS, ACTIONS)
    expected = np.mean(outputs, axis=0) - 3.0 * np.std(outputs, axis=0)
    np.testing.assert_allclose(lower_bound(outputs, 3.0), expected, rtol=1e-4, atol=1e-4)
    alike = jax.grad(lambda outputs: lower_bound(outputs, 3.0).sum())(jnp.zeros((4, 2)))
    np.testing.assert_allclose(alike, 0.25, atol=1e-6)


def test_subsets_hold_no_critic_twice_and_all_equally_often() -> None:
    subsets = np.asarray(draw_subsets(5, 2, (40, 50), key=jax.random.key(0)))
    assert subsets.shape == (40, 50, 2)
    assert (subsets[..., 0] != subsets[..., 1]).all()
    counts = np.bincount(subsets.ravel(), minlength=5)
    assert (abs(counts - 800) < 5 * np.sqrt(800)).all()
    assert draw_subsets(5, 5, (40,), key=jax.random.key(0)) is None


def test_the_least_value_is_that_of_the_critics_that_were_drawn() -> None:
    critics, scale = _critics(4), ValueScale(*map(jnp.asarray, (5.0, 34.0, 0.0, 1.0)))
    values = 5.0 + 3.0 * np.asarray(outputs_of(critics, POLICY, OBS, ACTIONS))
    every = least_values(critics, scale, POLICY, OBS, ACTIONS, None)
    np.testing.assert_allclose(every, values.min(axis=0), rtol=1e-5)
    subset = jnp.asarray([[0, 3], [2, 1], [1, 0]])
    some = least_values(critics, scale, POLICY, OBS, ACTIONS, subset)
    expected = [values[pair, update].min(axis=0) for update, pair in enumerate(np.asarray(subset))]
    np.testing.assert_allclose(some, expected, rtol=1e-5)
