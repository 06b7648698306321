"""What demonstrations refuse to be."""

import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
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
