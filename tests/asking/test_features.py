"""Units of what is seen and done in clips: of the steps that are there alone."""

import jax.numpy as jnp
import numpy as np

from ilkit.asking.features import flat, units_of


def test_entries_of_the_steps_that_are_there_have_mean_0_and_deviation_1() -> None:
    random = np.random.default_rng(0)
    entries = random.normal((3.0, -20.0), (0.1, 50.0), (40, 7, 2)).astype(np.float32)
    mask = random.random((40, 7)) < 0.6
    entries[~mask] = 1e6
    given = jnp.asarray(entries)
    found = np.asarray(units_of(given, jnp.asarray(mask))(given))[mask]
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1.0, rtol=1e-4)


def test_an_entry_that_never_changes_is_only_centered_however_large() -> None:
    entries = jnp.broadcast_to(jnp.array([0.0, 1234.5]), (30, 9, 2))
    units = units_of(entries, jnp.ones((30, 9), bool))
    np.testing.assert_array_equal(units.std, 1.0)
    np.testing.assert_allclose(units(entries), 0.0, atol=1e-3)


def test_no_step_at_all_leaves_entries_as_they_are() -> None:
    entries = jnp.full((2, 3, 1), 7.0)
    np.testing.assert_array_equal(units_of(entries, jnp.zeros((2, 3), bool))(entries), entries)


def test_entries_of_dictionaries_stand_side_by_side() -> None:
    found = flat(({"one": jnp.ones((2, 3, 2, 2)), "two": jnp.zeros((2, 3), jnp.int32)}, jnp.full((2, 3, 1), 2.0)))
    np.testing.assert_array_equal(found[0, 0], [1, 1, 1, 1, 0, 2])
