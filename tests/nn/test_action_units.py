import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ilkit.data.spaces import Box
from ilkit.nn.action_units import ActionUnits

MIXED = Box(low=(-2.0, 1.0, -np.inf, 0.0), high=(4.0, 2.0, np.inf, np.inf))


@pytest.mark.parametrize("squash", [False, True])
def test_an_action_and_what_it_came_from_are_inverse(squash):
    units = ActionUnits.of(MIXED, squash=squash)
    raw = jnp.array([-1.5, 0.3, 7.0, -2.0])
    np.testing.assert_allclose(units.raw(units.action(raw)), raw, atol=1e-5)


def test_finite_entries_are_scaled_by_half_their_range_and_others_left_alone():
    action = ActionUnits.of(MIXED).action(jnp.array([1.0, -1.0, 3.0, -3.0]))
    np.testing.assert_allclose(action, [4.0, 1.0, 3.0, -3.0])


def test_squashed_actions_stay_within_finite_bounds_only():
    action = ActionUnits.of(MIXED, squash=True).action(jnp.array([-50.0, 50.0, 50.0, -50.0]))
    np.testing.assert_allclose(action, [-2.0, 2.0, 50.0, -50.0])


@pytest.mark.parametrize("squash", [False, True])
def test_the_slope_is_that_of_automatic_differentiation(squash):
    units = ActionUnits.of(MIXED, squash=squash)
    raw = jnp.array([-1.5, 0.3, 7.0, -2.0])
    _, expected = jnp.linalg.slogdet(jax.jacobian(units.action)(raw))
    assert float(units.log_slope(raw)) == pytest.approx(float(expected), abs=1e-5)


def test_actions_at_and_beyond_the_bounds_have_a_finite_origin_and_slope():
    units = ActionUnits.of(Box.symmetric((2.0,)), squash=True)
    for action in (2.0, -2.0, 2.5, 1e6):
        raw = units.raw(jnp.array([action]))
        assert 7.0 < float(jnp.abs(raw[0])) < 8.0
        assert np.isfinite(units.log_slope(raw))
    assert np.isfinite(units.log_slope(jnp.array([1e4])))


def test_only_squashed_entries_are_moved_inside():
    action = jnp.array([4.0, 0.5, 9.0, -9.0])
    np.testing.assert_allclose(ActionUnits.of(MIXED, squash=True).inside(action, 0.1), [3.7, 1.05, 9.0, -9.0])
    np.testing.assert_allclose(ActionUnits.of(MIXED).inside(action, 0.1), action)
