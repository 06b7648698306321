"""No imitation: the policy from which cloning starts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.imitate import bc, none
from ilkit.running.loop import train

pytestmark = pytest.mark.bits


def test_it_is_the_policy_from_which_cloning_starts(head, labeled):
    obs = np.random.default_rng(0).normal(5.0, [2.0, 0.1], size=(300, 2))
    demos, build = labeled(obs, obs[:, :1]), head("gaussian", hidden=(4,))
    untrained = train(lambda key: none.imitate(none.None_(), build, demos, key=key), key=jax.random.key(0))
    spec = bc.BC(learning_rate=1e-30, num_steps=1)
    cloned = train(lambda key: bc.imitate(spec, build, demos, key=key), key=jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, untrained.stacked, cloned.stacked)
    np.testing.assert_allclose(untrained[0].normalizer.mean, obs.mean(axis=0), rtol=1e-4)


def test_it_has_no_learning_curve_and_seeds_differ(head, labeled):
    demos, build = labeled(np.eye(2), np.eye(2)[:, :1]), head("gaussian", hidden=(4,))
    drawn = train(lambda key: none.imitate(none.None_(), build, demos, key=key), key=jax.random.key(0), num_seeds=2)
    assert {name: curve.shape for name, curve in drawn.curves.items()} == {"step": (0,)}
    assert not jnp.array_equal(drawn[0].mode((), jnp.ones(2))[1], drawn[1].mode((), jnp.ones(2))[1])
