"""Absorbing states of soft values: how much time is spent there, and what that is worth."""

import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.matching.absorbed import Absorbed, absorbing_reward, absorbing_value, demonstrated_share, steps_left
from ilkit.testing.problems import spaces


def demos(terminated: list[bool], weights: np.ndarray | None = None) -> Demonstrations:
    """Episodes of 2 and 6 steps."""
    ends = np.array(terminated)
    lengths = np.array([2, 6], np.int32)
    return Demonstrations(
        np.zeros((10, 2), np.float32),
        np.zeros((8, 2), np.float32),
        np.zeros(8, np.float32),
        ends,
        ~ends,
        lengths,
        spaces=spaces("continuous"),
        weights=weights,
    )


def test_a_terminated_episode_spends_what_is_left_in_the_absorbing_state() -> None:
    assert demonstrated_share(demos([True, True]), 10) == pytest.approx((8 + 4) / 20)
    assert demonstrated_share(demos([False, True]), 10) == pytest.approx(4 / 12)
    assert demonstrated_share(demos([False, False]), 10) == 0.0


def test_thinning_changes_no_share() -> None:
    every_other = np.array([1, 0, 0, 1, 0, 1, 0, 1], np.float32)
    whole = demonstrated_share(demos([True, True]), 10)
    assert demonstrated_share(demos([True, True], every_other), 10) == pytest.approx(whole)


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
