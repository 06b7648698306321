"""Units in which actions are uncorrelated."""

import jax
import jax.numpy as jnp
import numpy as np

from ilkit.data.windows import Transitions
from ilkit.nn.action_units import ActionUnits
from ilkit.nn.whitening import Whitening


def recorded(actions: np.ndarray, padding: int = 96) -> Transitions:
    """Transitions of these actions, whose padding holds what nothing may notice."""
    padded = np.concatenate([actions, np.full((padding, actions.shape[1]), 7.5)]).astype(np.float32)
    nothing, count = jnp.zeros(len(padded)), jnp.int32(len(actions))
    episode = jnp.zeros(len(padded), jnp.int32)
    return Transitions(nothing, jnp.asarray(padded), nothing, nothing > 0, episode, count, jnp.int32(1))


def whitened(actions: np.ndarray) -> tuple[Whitening, ActionUnits]:
    transitions = recorded(actions)
    units = ActionUnits.spanning(transitions)
    return Whitening.fit(units, transitions), units


def test_what_was_demonstrated_has_mean_0_and_no_correlation_even_where_an_entry_is_constant() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 4000))
    actions = np.stack([3.0 + 2.0 * first, first + 0.1 * second, np.full(4000, 0.9)], axis=1)
    found, units = whitened(actions)
    raw, keys = units.raw(jnp.asarray(actions, jnp.float32)), jax.random.split(jax.random.key(0), 4000)
    white = np.asarray(jax.vmap(lambda x, key: found.white(x, key=key))(raw, keys))
    np.testing.assert_allclose(white.mean(axis=0), 0.0, atol=0.05)
    np.testing.assert_allclose(np.cov(white.T), np.eye(3), atol=0.06)


def test_the_way_back_leads_where_it_began_but_for_the_noise() -> None:
    actions = np.random.default_rng(1).normal(size=(500, 4)) @ np.random.default_rng(2).normal(size=(4, 4))
    found, units = whitened(actions)
    raw = units.raw(jnp.asarray(actions[:50], jnp.float32))
    keys = jax.random.split(jax.random.key(0), 50)
    back = jax.vmap(lambda x, key: found.colored(found.white(x, key=key)))(raw, keys)
    assert np.abs(back - raw).max() < 0.05
    assert 0.008 < np.std(back - raw) < 0.012


def test_the_actions_that_are_predicted_at_once_are_what_counts() -> None:
    steps = np.arange(200.0)[:, None] % 7
    joint = np.concatenate([steps, 7 - steps], axis=1)
    transitions = recorded(np.concatenate([steps, steps], axis=1))
    units = ActionUnits.spanning(transitions)
    found = Whitening.fit(units, transitions._replace(joint_actions=recorded(joint).actions))
    covariance = np.asarray(found.factor @ found.factor.T)
    assert covariance[0, 1] < 0 < covariance[0, 0]
