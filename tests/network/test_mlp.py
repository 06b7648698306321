import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.spaces import Box
from ilkit.errors import DataError
from ilkit.network.mlp import MLP, network
from ilkit.nn.fan_in import fan_in


def vectors(size):
    return Box(shape=(size,), low=-np.inf, high=np.inf)


def test_without_hidden_layers_it_is_affine():
    layers = network(MLP(hidden=()), vectors(3), 2, key=jax.random.key(0)).layers
    slope = jax.jacobian(layers)(jnp.zeros(3))
    inputs = jnp.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(layers(inputs), slope @ inputs + layers(jnp.zeros(3)), rtol=1e-5)


@pytest.mark.parametrize(("activation", "expected"), [("tanh", np.tanh(-0.5)), ("relu", 0.0)])
def test_the_activation_goes_between_the_layers_and_not_after_the_last(activation, expected):
    layers = network(MLP(hidden=(1,), activation=activation), vectors(1), 1, key=jax.random.key(0)).layers
    inputs = (-0.5 - layers.biases[0]) / layers.weights[0][0]
    np.testing.assert_allclose(layers(inputs), layers.weights[1][0, 0] * expected + layers.biases[1], rtol=1e-5)


def test_layers_have_the_widths_asked_for_and_are_drawn_within_their_limits():
    layers = network(MLP(hidden=(16, 9)), vectors(4), 25, key=jax.random.key(0)).layers
    assert [weight.shape for weight in layers.weights] == [(4, 16), (16, 9), (25, 9)]
    for weight, bias, size in zip(layers.weights, layers.biases, (4, 16, 9), strict=True):
        limit = size**-0.5
        for drawn in (weight, bias):
            assert 0.6 * limit < float(jnp.abs(drawn).max()) <= limit
            assert abs(float(drawn.mean())) < 0.4 * limit


def test_fan_in_is_the_number_of_inputs_that_an_output_depends_on():
    perceptron = network(MLP(hidden=(16, 9)), vectors(4), 25, key=jax.random.key(0))
    found = fan_in({"net": perceptron, "offsets": jnp.zeros(3)})
    assert found["net"].layers.weights == (4, 16, 9)
    assert found["net"].layers.biases == (1, 1, 1)
    assert found["offsets"] == 1


def test_fan_in_of_what_does_not_say_it_is_refused():
    with pytest.raises(DataError, match="method fan_in"):
        fan_in({"weights": jnp.zeros((2, 3))})


def test_fan_in_of_linear_layers_of_equinox_is_known():
    found = fan_in(eqx.nn.MLP(4, 2, 8, depth=1, key=jax.random.key(0)))
    assert [(layer.weight, layer.bias) for layer in found.layers] == [(4, 1), (8, 1)]
