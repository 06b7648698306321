"""The networks that critics are made of."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.nn.perceptron import build_silent_layers


@pytest.mark.parametrize("sizes", [(3, 1), (3, 8, 1), (3, 8, 16, 2)])
def test_the_first_outputs_are_zero_whatever_the_depth(sizes: tuple[int, ...]) -> None:
    layers = build_silent_layers(sizes, "tanh", key=jax.random.key(0))
    np.testing.assert_array_equal(layers(jnp.ones((5, 3))), np.zeros((5, sizes[-1])))
    assert [weight.shape for weight in layers.weights] == [*list(pairwise(sizes))[:-1], sizes[:-3:-1]]


def test_inner_weights_have_variance_one_over_the_inputs() -> None:
    first, second, _ = build_silent_layers((64, 100, 80, 1), "relu", key=jax.random.key(0)).weights
    np.testing.assert_allclose([float(jnp.var(first)) * 64, float(jnp.var(second)) * 100], [1.0, 1.0], atol=0.05)
