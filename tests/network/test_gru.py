"""The GRU cell, gate by gate."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.spaces import Box
from ilkit.network.gru import GRU, network
from ilkit.nn.fan_in import fan_in


def test_a_step_is_that_of_the_equations() -> None:
    net = network(GRU(hidden_size=3, num_layers=1, window=8), Box.symmetric((1.0, 1.0)), 2, key=jax.random.key(0))
    (cell,) = net.cells
    state, inputs = jnp.array([0.3, -0.4, 0.1]), jnp.array([0.7, -0.2])
    driven, recurrent = inputs @ cell.weight + cell.bias, state @ cell.recurrent_weight
    r, z = (jax.nn.sigmoid((driven + recurrent)[3 * at : 3 * at + 3]) for at in range(2))
    candidate = jnp.tanh(driven[6:] + r * (recurrent[6:] + cell.state_bias))
    np.testing.assert_allclose(
        cell.step(state, cell.driven(inputs)), (1 - z) * candidate + z * state, rtol=1e-5, atol=1e-6
    )
    assert (fan_in(net).cells[0].weight, fan_in(net).cells[0].state_bias) == (2, 1)


def test_at_first_it_forgets_within_a_window() -> None:
    net = network(GRU(hidden_size=200, window=20), Box.symmetric((1.0, 1.0)), 2, key=jax.random.key(0))
    steps = 1 + np.exp(net.cells[0].bias[200:400])  # 1 / (1 - σ(b))
    assert 2.0 <= steps.min() < 3.0
    assert 19.0 < steps.max() <= 21.0
