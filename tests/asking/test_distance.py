import numpy as np
import pytest

from ilkit.asking.distance import distance_of
from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict, Discrete, Space, Spaces


def one_episode(obs: object, actions: np.ndarray, observation: Space) -> Demonstrations:
    ends = np.asarray([True])
    steps = len(actions)
    spaces = Spaces(observation=observation, action=Discrete(size=3))
    rewards = np.zeros(steps, np.float32)
    return Demonstrations(obs, actions, rewards, ends, ~ends, np.asarray([steps], np.int32), spaces=spaces)


VECTOR = Box.symmetric((9.0, 9.0))


def test_numbers_count_in_standard_deviations_and_choices_once() -> None:
    obs = np.asarray([[0.0, 5.0], [2.0, 5.0], [0.0, 5.0], [2.0, 5.0], [7.0, 7.0]], np.float32)  # std 1 and 0
    demos = one_episode(obs, np.asarray([0, 0, 1, 0], np.int32), VECTOR)
    stretches = Stretches(np.asarray([0, 1, 2]), np.asarray([1, 1, 2]))
    found = distance_of(demos, stretches)(np.asarray([[0, 0], [0, 1], [0, 2], [1, 2]]))
    # Three entries a step: (0-2)/1, nothing, the same choice; a step that only one has counts 1.
    expected = [0.0, np.sqrt(4 / 3), np.sqrt((1 / 3 + 1) / 2), np.sqrt(((4 + 1) / 3 + 1) / 2)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_entries_of_dictionaries_and_pictures_are_compared() -> None:
    picture = np.zeros((4, 2, 2, 1), np.uint8)
    picture[1] = 200
    space = Dict(entries={"room": Discrete(size=5), "seen": Box(shape=(2, 2, 1), low=0, high=255, dtype="uint8")})
    obs = {"room": np.asarray([0, 0, 3, 3], np.int32), "seen": picture}
    demos = one_episode(obs, np.zeros(3, np.int32), space)
    steps = Stretches(np.arange(3), np.ones(3, np.int64))
    same, pictures, rooms = distance_of(demos, steps)(np.asarray([[0, 0], [0, 1], [0, 2]]))
    assert same == 0.0
    assert pictures == pytest.approx(np.sqrt(4 * 4.5 / 6), rel=1e-5)  # std 200 √2 / 3 in four of six entries
    assert rooms == pytest.approx(np.sqrt(1 / 6))
