"""Where states part and errors grow, on made-up episodes."""

import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, Spaces
from ilkit.measuring.shift import (
    Errors,
    action_error,
    action_scale,
    mean_over_episodes,
    measure_shift,
    standardized,
    states_at,
    times_of,
)

UNBOUNDED = Box.symmetric((float("inf"),))


def episodes_of(*lengths: int, action: Box | Discrete = UNBOUNDED) -> Demonstrations:
    """Observations count the steps, and the number of the episode beside them."""
    obs = [[float(step), 10.0 * number] for number, length in enumerate(lengths) for step in range(length + 1)]
    steps, flags = sum(lengths), np.ones(len(lengths), bool)
    kind = np.float32 if isinstance(action, Box) else np.int32
    return Demonstrations(
        obs=np.asarray(obs, np.float32),
        actions=np.arange(steps, dtype=kind).reshape(steps, *action.shape),
        rewards=np.zeros(steps, np.float32),
        terminated=flags,
        truncated=~flags,
        lengths=np.asarray(lengths, np.int32),
        spaces=Spaces(observation=Box.symmetric((float("inf"),) * 2), action=action),
    )


def shift(reference: np.ndarray, visited: np.ndarray, times: np.ndarray):
    return measure_shift(reference, visited, times, num_permutations=199, confidence=0.95, seed=0)


def test_an_ended_episode_stays_where_it_ended() -> None:
    found = states_at(episodes_of(2, 5), np.array([0, 2, 4, 5]))
    np.testing.assert_array_equal(found[..., 0], [[0, 2, 2, 2], [0, 2, 4, 5]])
    np.testing.assert_array_equal(found[..., 1], [[0] * 4, [10] * 4])


def test_times_are_spaced_evenly_and_none_comes_twice() -> None:
    np.testing.assert_array_equal(times_of(100, 5), [0, 25, 50, 75, 100])
    np.testing.assert_array_equal(times_of(3, 33), [0, 1, 2, 3])


def test_units_are_the_reference_s() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal(3.0, [2.0, 0.0], (50, 40, 2))
    one, other = standardized(reference, reference + 4.0)
    np.testing.assert_allclose([one.mean(axis=(0, 1)), one.std(axis=(0, 1))], [[0, 0], [1, 0]], atol=1e-9)
    np.testing.assert_allclose((other - one)[0, 0], [4.0 / reference[..., 0].std(), 4.0])


def test_the_onset_is_where_a_drift_is_sure_and_episodes_leave_about_there() -> None:
    rng, times = np.random.default_rng(1), np.arange(0, 100, 10)
    reference, visited = rng.normal(size=(2, 40, 10, 2))
    still = shift(reference, visited, times)
    assert np.isnan(still.onset)
    assert still.departures.share < 0.3
    assert np.isnan(still.departures.median)
    visited[:, 5:, 0] += 6.0 * np.arange(1, 6)
    drifted = shift(reference, visited, times)
    assert drifted.onset == 50.0
    assert drifted.departures.share == 1.0
    assert drifted.departures.median == 50.0
    assert (np.diff(drifted.test.distance[5:]) > 0).all()
    assert drifted.test.distance[9] == pytest.approx(2 * 30.0, rel=0.1)  # far apart: twice the way


def test_the_limit_is_what_other_episodes_of_the_reference_have() -> None:
    reference = np.stack([np.linspace(0, 1, 11)[:, None] + offset for offset in (0.0, 0.02)])
    visited = np.full((3, 11, 1), 0.5)
    visited[1, 4:] = 3.0
    found = shift(reference, visited, np.arange(11)).departures
    assert found.limit == pytest.approx(0.02)
    np.testing.assert_array_equal(found.step, [np.nan, 4.0, np.nan])
    assert found.share == pytest.approx(1 / 3)


def test_errors_are_in_units_of_the_actions_and_within_their_bounds() -> None:
    space = Box(low=(-1.0, -1.0), high=(1.0, 1.0))
    actions = np.array([[[0.5, 0.0], [9.0, 0.0]]], np.float32)
    answers = np.array([[[0.0, 0.0], [1.0, 2.0]]], np.float32)
    found = action_error(actions, answers, space, np.array([0.5, 2.0]))
    np.testing.assert_allclose(found, [[np.sqrt(0.5), np.sqrt(0.125)]])
    choices = action_error(np.array([[0, 1, 1]]), np.array([[0, 0, 1]]), Discrete(size=2), np.ones(1))
    np.testing.assert_array_equal(choices, [[0, 1, 0]])
    np.testing.assert_allclose(action_scale(episodes_of(2, 3)), np.arange(5).std())
    np.testing.assert_array_equal(action_scale(episodes_of(2, action=Discrete(size=2))), 1.0)


def test_the_mean_is_over_episodes_that_last_so_long() -> None:
    runs = [
        (np.array([[1.0, 3.0, 9.0], [3.0, 9.0, 9.0]]), np.array([2, 1])),
        (np.array([[5.0, 5.0, 7.0]]), np.array([3])),
    ]
    np.testing.assert_allclose(mean_over_episodes(runs), [3.0, 4.0, 7.0])


def test_errors_that_stay_add_up_in_proportion_and_those_that_grow_with_the_square() -> None:
    steps = np.arange(1, 2001)
    constant, growing = Errors(np.full(2000, 0.3), np.full(5, 0.1)), Errors(0.01 * steps, np.zeros(5))
    assert constant.growth == pytest.approx(1.0)
    assert constant.ratio == pytest.approx(3.0)
    assert growing.growth == pytest.approx(2.0, abs=0.03)
    assert np.isnan(growing.ratio)
    assert np.isnan(Errors(np.zeros(3), np.zeros(3)).growth)
