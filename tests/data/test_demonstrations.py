"""What demonstrations refuse to be."""

from dataclasses import replace

import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError


def episodes(*lengths: int) -> Demonstrations:
    """Episodes of these lengths, whose rewards count the steps of all."""
    steps, flags = sum(lengths), np.zeros(len(lengths), bool)
    return Demonstrations(
        obs=np.zeros((steps + len(lengths), 1), np.float32),
        actions=np.zeros((steps, 1), np.float32),
        rewards=np.arange(steps, dtype=np.float32),
        terminated=flags,
        truncated=~flags,
        lengths=np.array(lengths, np.int32),
        spaces=Spaces(observation=Box.symmetric((1.0,)), action=Box.symmetric((1.0,))),
    )


def test_returns_are_sums_of_the_rewards_of_each_episode():
    np.testing.assert_array_equal(episodes(2, 1, 3).returns, [0 + 1, 2, 3 + 4 + 5])


@pytest.mark.parametrize(("lengths", "episode"), [((0, 2), 0), ((2, 0, 3), 1), ((1, 0), 1)])
def test_an_episode_without_steps_is_named(lengths, episode):
    with pytest.raises(DataError, match=f"at least one step, got 0 in episode {episode}. Leave it out"):
        episodes(*lengths)


def numbered(*lengths: int) -> Demonstrations:
    """Episodes whose observations, in order, are 0, 1, 2, ... and whose actions are their halves."""
    demos = episodes(*lengths)
    obs = np.arange(demos.num_obs, dtype=np.float32)[:, None]
    starts = demos.starts + np.arange(demos.num_episodes)
    before = np.delete(obs, starts + demos.lengths, axis=0)
    return replace(demos, obs=obs, actions=before / 2, terminated=np.array([True] + [False] * (len(lengths) - 1)))


def test_experience_is_what_was_done_and_what_it_led_to():
    demos = numbered(2, 3)
    rows = replace(demos, executed=demos.actions + 1).experience()
    np.testing.assert_array_equal(rows.obs[:, 0], [0, 1, 3, 4, 5])
    np.testing.assert_array_equal(rows.next_obs[:, 0], [1, 2, 4, 5, 6])
    np.testing.assert_array_equal(rows.actions[:, 0], [1, 1.5, 2.5, 3, 3.5])
    np.testing.assert_array_equal(rows.rewards, np.arange(5))
    np.testing.assert_array_equal(rows.terminated, [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(demos.experience().actions, demos.actions)


def test_experience_of_episodes_that_do_not_follow_is_refused():
    demos = replace(numbered(2, 3), follows=np.array([True, False]))
    with pytest.raises(DataError, match=r"1 of 2 episodes lack \(the first is 1\).*before they were, or leave out"):
        demos.experience()
    demos.take(np.array([0])).experience()


def test_what_was_done_stays_with_its_episode():
    demos = numbered(2, 3)
    labeled = replace(demos, executed=demos.actions + 1, follows=np.array([True, False]))
    joined = concatenate([demos, labeled]).take(np.array([3, 0]))
    np.testing.assert_array_equal(joined.taken[:, 0], [2.5, 3, 3.5, 0, 0.5])
    np.testing.assert_array_equal(joined.follows, [False, True])
    assert concatenate([demos, demos]).executed is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"executed": np.zeros((4, 1), np.float32)}, "executed must have 5 rows"),
        ({"executed": np.zeros((5, 2), np.float32)}, "executed must be rows of"),
    ],
)
def test_rows_of_what_was_done_agree_with_the_others(wrong, message):
    with pytest.raises(DataError, match=message):
        replace(numbered(2, 3), **wrong)


def test_episodes_are_cut_after_so_many_steps():
    demos = replace(numbered(2, 3), success=np.array([1.0, 0.0], np.float32))
    cut = demos.cut(np.array([5, 1]))
    np.testing.assert_array_equal(cut.lengths, [2, 1])
    np.testing.assert_array_equal(cut.obs[:, 0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(cut.actions[:, 0], [0, 0.5, 1.5])
    np.testing.assert_array_equal(cut.terminated, [True, False])
    assert cut.truncated[1]
    np.testing.assert_array_equal(cut.success, [1.0, np.nan])


def test_weights_stay_with_their_steps():
    demos = replace(numbered(2, 3), weights=np.array([0.0, 1.0, 2.0, 0.0, 0.0], np.float32))
    np.testing.assert_array_equal(demos.take(np.array([1, 0])).weights, [2, 0, 0, 0, 1])
    np.testing.assert_array_equal(demos.cut(np.array([2, 1])).weights, [0, 1, 2])
    np.testing.assert_array_equal(concatenate([numbered(1, 1), demos]).weights, [1, 1, 0, 1, 2, 0, 0])
    np.testing.assert_array_equal(np.flatnonzero(demos.transitions().counted), [1, 2])
    assert demos.size == "2 episodes, 5 steps, 2 of which count"
    assert numbered(2, 3).size == "2 episodes, 5 steps"


@pytest.mark.parametrize("weights", [[0, 0, 0, 0, 0], [1, 1, 1, 1, -1], [1, 1, 1, 1, np.nan]])
def test_weights_are_no_less_than_nothing_and_something_counts(weights):
    with pytest.raises(DataError, match="weights must be finite, at least 0, and above 0 somewhere"):
        replace(numbered(2, 3), weights=np.asarray(weights, np.float32))
