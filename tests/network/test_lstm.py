"""The LSTM cell, gate by gate."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.spaces import Box
from ilkit.network.lstm import LSTM, network
from ilkit.nn.fan_in import fan_in


def test_a_step_is_that_of_the_equations() -> None:
    net = network(LSTM(hidden_size=3, num_layers=1, window=8), Box.symmetric((1.0, 1.0)), 2, key=jax.random.key(0))
    (cell,) = net.cells
    hidden, memory, inputs = jnp.array([0.3, -0.4, 0.1]), jnp.array([1.0, -2.0, 0.5]), jnp.array([0.7, -0.2])
    gates = inputs @ cell.weight + hidden @ cell.recurrent_weight + cell.bias
    i, f, o = (jax.nn.sigmoid(gates[3 * at : 3 * at + 3]) for at in range(3))
    expected = f * memory + i * jnp.tanh(gates[9:])
    found = cell.step((hidden, memory), cell.driven(inputs))
    np.testing.assert_allclose(found[1], expected, rtol=1e-5)
    np.testing.assert_allclose(found[0], o * jnp.tanh(expected), rtol=1e-5)
    assert (fan_in(net).cells[0].weight, fan_in(net).cells[0].recurrent_weight, fan_in(net).cells[0].bias) == (2, 3, 1)


def test_at_first_it_forgets_within_a_window() -> None:
    net = network(LSTM(hidden_size=200, window=20), Box.symmetric((1.0, 1.0)), 2, key=jax.random.key(0))
    for cell in net.cells:
        steps = 1 + np.exp(cell.bias[200:400])  # 1 / (1 - σ(b))
        assert 2.0 <= steps.min() < 3.0
        assert 19.0 < steps.max() <= 21.0
        np.testing.assert_allclose(cell.bias[:200], -cell.bias[200:400])
