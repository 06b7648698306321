import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.normalizer import Normalizer
from ilkit.data.spaces import Box, Spaces
from ilkit.data.windows import windows
from ilkit.fitting.gradient import descend, draw_rows, partition
from ilkit.network.mlp import MLP, network
from ilkit.nn.action_units import ActionUnits
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
    rows = transitions(5)
    batch = windows(rows, draw_rows(rows, 5000, key=jax.random.key(0)))
    counts = np.bincount(np.asarray(batch.obs[:, 0, 0], int))
    assert len(counts) == 5
    assert (np.abs(counts - 1000) < 5 * np.sqrt(800)).all()
    np.testing.assert_array_equal(batch.actions, -batch.obs)


def test_the_normalizer_is_fixed_and_everything_else_of_a_policy_trained():
    policy = DeterministicPolicy(
        network=network(MLP(hidden=()), SPACES.observation, 1, key=jax.random.key(0)),
        normalizer=Normalizer.identity(1),
        spaces=SPACES,
        units=ActionUnits.of(SPACES.action),
        spec=Deterministic(),
    )
    trained, fixed = partition(policy)
    assert jax.tree.leaves((trained.normalizer, trained.units)) == []
    assert len(jax.tree.leaves(trained)) == 2
    assert jax.tree.structure(eqx.combine(trained, fixed)) == jax.tree.structure(policy)


def test_a_step_descends():
    optimizer = optax.sgd(0.1)
    parameters, _ = descend(optimizer, jnp.array(2.0), optimizer.init(jnp.array(1.0)), jnp.array(1.0))
    np.testing.assert_allclose(parameters, 0.8)
