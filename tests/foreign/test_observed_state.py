"""Where in an observation the entries of a state stand."""

import jax.numpy as jnp
import numpy as np

from ilkit.foreign.observed_state import behave_alike, state_sources

RANDOM = np.random.default_rng(0)


def test_copies_angles_and_what_stands_nowhere() -> None:
    angle, speed, hidden = RANDOM.normal(size=(3, 500)).astype(np.float32)
    constant = np.full(500, 7.0, np.float32)
    obs = np.stack([np.sin(angle), constant, speed, np.cos(angle)], axis=1)
    found = state_sources(np.stack([angle, hidden, speed, constant], axis=1), obs)
    assert found.cosines == (3, -1, -1, -1)
    assert found.values == (0, -1, 2, -1)
    assert found.missing == (1, 3)
    state = found.state(jnp.asarray([0.6, 1.0, -5.0, 0.8]))
    np.testing.assert_allclose(state, [np.arctan2(0.6, 0.8), hidden[0], -5.0, 7.0], rtol=1e-6)


def test_an_entry_that_is_a_copy_at_times_only_is_none() -> None:
    entry = RANDOM.normal(size=(500, 1)).astype(np.float32)
    obs = np.where(np.arange(500)[:, None] < 490, entry, 0.0).astype(np.float32)
    assert state_sources(entry, obs).values == (-1,)


def test_states_behave_alike_to_rounding() -> None:
    steps = (jnp.asarray([1.0, 2.0]), jnp.asarray([True, False]))
    assert behave_alike(steps, (steps[0] + 1e-5, steps[1]))
    assert not behave_alike(steps, (steps[0] + 0.1, steps[1]))
    assert not behave_alike(steps, (steps[0], ~steps[1]))
    assert not behave_alike(steps, (steps[0] * jnp.nan, steps[1]))
