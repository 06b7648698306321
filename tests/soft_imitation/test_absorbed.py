"""Absorbing states of soft values: how much time is spent there, and what that is worth."""

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.soft_imitation.absorbed import Absorbed, absorbing_reward, absorbing_value, steps_left


def test_ones_own_share_is_that_of_the_rows_in_the_buffer() -> None:
    """A ring of 4 rows that was given 6: the first two, one of which terminated, were replaced."""
    ages, terminated = jnp.array([3, 7]), jnp.array([True, False])
    np.testing.assert_array_equal(steps_left(ages, terminated, 10), [6, 0])
    own = Absorbed.empty(4)
    assert float(own.share(jnp.asarray(0))) == 0.0
    for count, left in ((0, [6, 0]), (2, [0, 3]), (4, [0, 0])):
        own = own.add(jnp.asarray(count), jnp.asarray(left, jnp.int32))
    assert int(own.total) == 3
    assert float(own.share(jnp.asarray(6))) == pytest.approx(3 / 7)


def test_the_value_solves_the_regression_on_a_batch_of_both_halves() -> None:
    """D (V - 1 - γ V') + o (V - γ V') = 0 at V' = V."""
    shown, own, discount = 0.5, jnp.asarray(0.2), 0.9
    reward = absorbing_reward(shown, own)
    value = float(absorbing_value(reward, discount))
    wrong = shown * (value - 1 - discount * value) + float(own) * (value - discount * value)
    assert wrong == pytest.approx(0, abs=1e-5)
    assert float(absorbing_reward(0.0, jnp.zeros(()))) == 0.0
    assert float(absorbing_value(None, 0.9)) == 0.0
