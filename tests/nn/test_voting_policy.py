"""A vote among value functions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.nn.layered_policy import CategoricalPolicy
from ilkit.nn.perceptron import Layers, Perceptron
from ilkit.nn.voting_policy import VotingPolicy

SPACES = Spaces(observation=Box.symmetric((1.0,)), action=Discrete(size=3, start=5))


def constant(values):
    """Networks of no hidden layers whose outputs are these whatever they are given."""
    biases = jnp.asarray(values, jnp.float32)
    return Layers((jnp.zeros((*biases.shape, 1)),), (biases,), "relu")


@pytest.fixture
def voting():
    """Five heads, three of which prefer the last of three actions and two the first, which they value most of all."""
    heads = constant([[0, 0, 1], [0, 0, 1], [0, 0, 1], [9, 0, 0], [9, 0, 0]])
    normalizer, nothing = Normalizer.identity(SPACES.observation), jnp.zeros(())
    return VotingPolicy(
        heads=heads,
        priors=constant(np.zeros((5, 3))),
        prior_scale=nothing,
        clone=None,
        clone_weight=nothing,
        normalizer=normalizer,
        spaces=SPACES,
    )


def test_the_mode_is_what_most_heads_prefer_and_samples_are_of_all_heads(voting):
    assert voting.mode((), jnp.zeros(1))[1] == 7
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.vmap(lambda key: voting.sample((), jnp.zeros(1), key=key)[1])(keys))
    np.testing.assert_allclose([np.mean(drawn == action) for action in (5, 6, 7)], [0.4, 0.0, 0.6], atol=0.03)


def test_values_are_those_of_the_head_of_its_prior_and_of_the_clone(voting):
    priors = np.arange(15.0).reshape(5, 3)
    inner = Layers((jnp.zeros((3, 1)),), (jnp.asarray([0.0, 2.0, 0.0]),), "relu")
    network = Perceptron(layers=inner, observation=SPACES.observation)
    clone = CategoricalPolicy(network=network, normalizer=voting.normalizer, spaces=SPACES)
    parts = (constant(priors), jnp.asarray(0.5), clone, jnp.asarray(3.0))
    knowing = eqx.tree_at(
        lambda tree: (tree.priors, tree.prior_scale, tree.clone, tree.clone_weight),
        voting,
        parts,
        is_leaf=lambda leaf: leaf is None,
    )
    known = 3.0 * jax.nn.log_softmax(jnp.asarray([0.0, 2.0, 0.0]))
    np.testing.assert_allclose(knowing.values(jnp.zeros(1)), voting.heads.biases[0] + 0.5 * priors + known, rtol=1e-5)
