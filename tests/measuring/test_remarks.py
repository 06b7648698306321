"""What is no error in a training run, but should be known."""

import numpy as np
import pytest

from ilkit.measuring.remarks import remarks


def _curves(rewarded: list[float], gained: list[float], departure: float = 1.0) -> dict[str, np.ndarray]:
    """At the end of 100 episodes of each seed; everything was 0 at first."""
    ends = {"episodes": [100.0] * len(gained), "rewarded": rewarded, "gained": gained}
    told = {name: np.stack([np.zeros(len(end)), np.asarray(end)], axis=1) for name, end in ends.items()}
    return {**told, "departure": np.array([[0.0, departure, departure / 2]])}


@pytest.mark.parametrize(
    ("rewarded", "gained", "has_goal", "expected"),
    [
        ([0, 0], [0, 0], False, ["no success found in all of training: no reward in any of 200 episodes"]),
        ([0, 50], [0, 50], False, ["no reward in all of training in 1 of 2 seeds"]),
        ([3, 4.5], [3, 4.5], False, ["a reward in only 8 of 200 episodes, fewer than 10 a seed"]),
        ([9, 50], [9, 50], False, ["a reward in only 59 of 200 episodes, fewer than 10 a seed in 1 of 2 seeds"]),
        ([10, 50], [10, 50], False, []),
        ([100, 100], [0, 0], False, []),
        ([100, 100], [0, 0], True, ["no success found in all of training: no reward above 0 in any of 200 episodes"]),
        ([100, 100], [5, 3], False, ["a reward above 0 in only 8 of 200 episodes, fewer than 10 a seed"]),
    ],
)
def test_rewards_that_are_rare_are_remarked_on(
    rewarded: list[float], gained: list[float], has_goal: bool, expected: list[str]
) -> None:
    assert remarks(_curves(rewarded, gained), has_goal=has_goal) == expected


def test_where_no_episode_ended_nothing_is_known_of_rewards() -> None:
    curves = _curves([0], [0]) | {"episodes": np.zeros((1, 2))}
    assert remarks(curves) == []


@pytest.mark.parametrize(
    ("departure", "clone_weight", "expected"),
    [
        (0.008, 50.0, ["the policy never moved: from the middle of training on its mode stayed within 0.006 half"]),
        (0.02, 50.0, []),
        (0.008, None, []),
        (0.0, None, ["the policy never moved: its mode is that of the one it started from. Raise learning_rate"]),
    ],
)
def test_a_policy_that_never_moved_is_remarked_on(
    departure: float, clone_weight: float | None, expected: list[str]
) -> None:
    found = remarks(_curves([100], [100], departure), clone_weight=clone_weight)
    assert len(found) == len(expected)
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True))


def test_of_runs_without_trials_nothing_is_said() -> None:
    assert remarks({"step": np.arange(3), "loss": np.ones((2, 3))}) == []
