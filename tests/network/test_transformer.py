"""Attention over the last observations: what is farther back has no effect, and positions tell their order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.network import Network
from ilkit.data.spaces import Box
from ilkit.network.transformer import Transformer, network

pytestmark = pytest.mark.bits

OBS = jnp.asarray(np.random.default_rng(0).normal(size=(9, 2)), jnp.float32)


def built(**settings: object) -> Network:
    spec = Transformer(context=4, width=8, num_heads=2, **settings)
    return network(spec, Box.symmetric((1.0, 1.0)), 3, key=jax.random.key(0))


def stepped(net: Network, obs: jax.Array) -> jax.Array:
    return jax.jit(lambda obs: jax.lax.scan(lambda carry, one: net(carry, one), net.initial_carry(), obs)[1])(obs)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_outputs_are_those_of_the_last_observations_alone(positions: str) -> None:
    net = built(positions=positions)
    outputs = stepped(net, OBS)
    for end in range(4, 10):
        window = OBS[end - 4 : end]
        alone = net.unroll(net.initial_carry(), window, jnp.ones(4, bool))
        np.testing.assert_allclose(outputs[end - 1], alone[-1], atol=1e-6)
    other = jnp.concatenate([OBS[::-1][:5], OBS[5:]])
    np.testing.assert_array_equal(stepped(net, other)[-1], outputs[-1])


def test_sequences_that_are_longer_or_begin_with_a_memory_are_unrolled_as_they_are_stepped() -> None:
    net = built()
    outputs, all_steps = stepped(net, OBS), jnp.ones(9, bool)
    np.testing.assert_allclose(net.unroll(net.initial_carry(), OBS, all_steps), outputs, atol=1e-6)
    carry = jax.lax.scan(lambda carry, one: net(carry, one), net.initial_carry(), OBS[:6])[0]
    np.testing.assert_allclose(net.unroll(carry, OBS[6:], all_steps[6:]), outputs[6:], atol=1e-6)


def test_the_order_of_observations_matters() -> None:
    for positions in ("learned", "sinusoidal"):
        net = built(positions=positions)
        swapped = OBS[np.array([1, 0, 2, 3])]
        assert float(jnp.abs(stepped(net, OBS[:4])[-1] - stepped(net, swapped)[-1]).max()) > 1e-4


def test_dropout_leaves_out_the_same_at_all_steps() -> None:
    net = built(dropout=0.5).dropped(key=jax.random.key(1))
    unrolled = net.unroll(net.initial_carry(), OBS[:4], jnp.ones(4, bool))
    np.testing.assert_allclose(unrolled, stepped(net, OBS[:4]), atol=1e-6)
    assert float(jnp.abs(unrolled - stepped(built(), OBS[:4])).max()) > 1e-2


def test_heads_share_the_width() -> None:
    with pytest.raises(ValidationError, match="multiple of num_heads, 3, got 8"):
        Transformer(width=8, num_heads=3)
