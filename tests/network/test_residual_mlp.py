"""Residual networks: the equation, how they are drawn, and dropout in training alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.network import Network
from ilkit.data.spaces import Box, Spaces
from ilkit.fitting.gradient import partition
from ilkit.network.residual_mlp import ResidualMLP, network
from ilkit.nn.fan_in import fan_in
from ilkit.policy.deterministic import Deterministic, policy

pytestmark = pytest.mark.bits

OBSERVATION = Box.symmetric((1.0, 1.0, 1.0))


def built(**settings: object) -> Network:
    return network(ResidualMLP(**settings), OBSERVATION, 2, key=jax.random.key(0))


def test_a_block_adds_two_layers_with_activations_before_them() -> None:
    net = built(width=4, num_blocks=1, activation="tanh")
    inputs = jnp.array([0.5, -1.0, 0.2])
    entered = net.entrance(inputs)
    first, second = net.blocks[0]
    expected = net.exit(entered + second(jnp.tanh(first(jnp.tanh(entered)))))
    np.testing.assert_allclose(net((), inputs)[1], expected, rtol=1e-6)


@pytest.mark.parametrize(("scale", "std"), [(0.05, 0.05), (None, (3 * 256) ** -0.5)])
def test_weights_are_drawn_as_asked(scale: float | None, std: float) -> None:
    for layer in built(initial_scale=scale).blocks[1]:
        assert float(layer.weights[0].std()) == pytest.approx(std, rel=0.02)
        assert float(layer.biases[0].std()) == pytest.approx(std, rel=0.2)


def test_dropout_is_drawn_for_each_example_keeps_the_mean_and_is_gone_after_training() -> None:
    net = built(width=32, dropout=0.25)
    keys = jax.random.split(jax.random.key(1), 500)
    masks = jax.vmap(lambda key: net.dropped(key=key).dropout.masks)(keys)
    assert masks.shape == (500, 4, 32)
    np.testing.assert_allclose(np.unique(masks), [0.0, 4 / 3], rtol=1e-6)
    np.testing.assert_allclose(masks.mean(), 1.0, atol=0.01)
    obs = jnp.ones(3)
    outputs = jax.vmap(lambda key: net.dropped(key=key)((), obs)[1])(keys[:3])
    assert len(np.unique(outputs, axis=0)) == 3
    np.testing.assert_array_equal(net((), obs)[1], built(width=32)((), obs)[1])


def test_the_rate_is_not_trained_and_without_one_nothing_is_dropped() -> None:
    net = built(width=8, dropout=0.5)
    assert partition(net)[0].dropout.rate is None
    head = policy(
        Deterministic(),
        Build("network", "residual_mlp", network, ResidualMLP(width=8)),
        Spaces(observation=OBSERVATION, action=Box.symmetric((1.0, 1.0))),
        key=jax.random.key(0),
    )
    assert head.dropped(key=jax.random.key(1)).network.dropout.masks is None


def test_fan_in_of_every_weight_is_known() -> None:
    found = fan_in(built(width=8, num_blocks=1, dropout=0.5))
    assert [layers.weights for layers in (found.entrance, *found.blocks[0], found.exit)] == [(3,), (8,), (8,), (8,)]
