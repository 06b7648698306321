"""Networks that are told what they see: the rest has no effect, and training draws what is seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.errors import DataError
from ilkit.network import graph_conditioned, mlp
from ilkit.nn.graph_network import mask_of, with_mask
from ilkit.policy.deterministic import Deterministic, policy

MLP = Build("network", "mlp", mlp.network, mlp.MLP(hidden=(8,)))
NETWORK = Build(
    "network", "graph_conditioned", graph_conditioned.network, graph_conditioned.GraphConditioned(), inner=MLP
)
SPACES = Spaces(observation=Box.symmetric((1.0,) * 4), action=Box.symmetric((1.0,)))
HEAD = policy(Deterministic(), NETWORK, SPACES, key=jax.random.key(0))


def test_what_is_not_seen_has_no_effect_and_that_it_is_not_seen_has_one() -> None:
    masked = with_mask(HEAD, jnp.array([1.0, 0.0, 1.0, 0.0]))

    def act(head, obs):
        return float(head.mode((), jnp.asarray(obs))[1][0])

    seen = act(masked, [0.5, 0.1, -0.3, 0.9])
    assert seen == act(masked, [0.5, -0.7, -0.3, 0.2]) != act(masked, [0.4, 0.1, -0.3, 0.9])
    assert seen != act(HEAD, [0.5, 0.0, -0.3, 0.0])
    np.testing.assert_array_equal(mask_of(HEAD), np.ones(4))


def test_training_draws_a_graph_for_each_example() -> None:
    keys = jax.random.split(jax.random.key(1), 4000)
    masks = jax.vmap(lambda key: mask_of(HEAD.dropped(key=key)))(keys)
    np.testing.assert_allclose(masks.mean(axis=0), 0.5, atol=0.03)
    assert len(np.unique(masks, axis=0)) == 16


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="vectors of real numbers"):
        NETWORK(Discrete(size=3), 1, key=jax.random.key(0))
    plain = policy(Deterministic(), MLP, SPACES, key=jax.random.key(0))
    with pytest.raises(DataError, match=r"network\.kind graph_conditioned"):
        mask_of(plain)
