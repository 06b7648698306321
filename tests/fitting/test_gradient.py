import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Spaces
from ilkit.fitting.gradient import descend, draw_batch, partition
from ilkit.policy.deterministic import Deterministic, DeterministicPolicy

SPACES = Spaces(observation=Box.symmetric((1.0,)), action=Box.symmetric((1.0,)))


def transitions(num_steps):
    obs = np.arange(num_steps + 1, dtype=np.float32)[:, None]
    return Demonstrations(
        obs=obs,
        actions=-obs[:-1],
        rewards=np.zeros(num_steps, np.float32),
        terminated=np.zeros(1, bool),
        truncated=np.ones(1, bool),
        lengths=np.array([num_steps], np.int32),
        spaces=SPACES,
    ).transitions()


def test_a_batch_draws_valid_rows_only_and_all_of_them_alike():
    batch = draw_batch(transitions(5), 5000, key=jax.random.key(0))
    counts = np.bincount(np.asarray(batch.obs[:, 0], int))
    assert len(counts) == 5
    assert (np.abs(counts - 1000) < 5 * np.sqrt(800)).all()
    np.testing.assert_array_equal(batch.actions, -batch.obs)


def test_the_normalizer_is_fixed_and_everything_else_of_a_policy_trained():
    policy = DeterministicPolicy(
        network=eqx.nn.Linear(1, 1, key=jax.random.key(0)),
        normalizer=Normalizer.identity(1),
        spaces=SPACES,
        spec=Deterministic(),
    )
    trained, fixed = partition(policy)
    assert jax.tree.leaves(trained.normalizer) == []
    assert len(jax.tree.leaves(trained)) == 2
    assert jax.tree.structure(eqx.combine(trained, fixed)) == jax.tree.structure(policy)


def test_a_step_descends():
    optimizer = optax.sgd(0.1)
    parameters, _ = descend(optimizer, jnp.array(2.0), optimizer.init(jnp.array(1.0)), jnp.array(1.0))
    np.testing.assert_allclose(parameters, 0.8)
