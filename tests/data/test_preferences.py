"""Pairs of clips: what they must be, whom they choose, and how they lie on the device."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ilkit.artifact.store import load, save
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.preferences import Preferences, join_pairs
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.testing.comparison import difference

SPACES = Spaces(observation=Box.symmetric((100.0,)), action=Box.symmetric((100.0,)))


def clips(*lengths: int, first: int = 0, spaces: Spaces = SPACES) -> Demonstrations:
    """Episodes whose observations, actions and rewards count on from a number."""
    steps, episodes = sum(lengths), len(lengths)
    return Demonstrations(
        obs=np.arange(first, first + steps + episodes, dtype=np.float32)[:, None],
        actions=np.arange(first, first + steps, dtype=np.float32)[:, None],
        rewards=np.arange(first, first + steps, dtype=np.float32),
        terminated=np.arange(episodes) % 2 == 0,
        truncated=np.arange(episodes) % 2 == 1,
        lengths=np.asarray(lengths, np.int32),
        spaces=spaces,
    )


def preferences(*probability: float, first: tuple[int, ...] = (2, 1, 3), second: Any = (1, 2, 2)) -> Preferences:
    return Preferences(clips(*first), clips(*second, first=50), np.asarray(probability, np.float32))


def test_the_clip_of_the_larger_probability_is_chosen_and_none_of_a_tie() -> None:
    pairs = preferences(0.9, 0.5, 0.0)
    assert pairs.chosen().actions[:, 0].tolist() == [0, 1, 53, 54]
    assert pairs.rejected().actions[:, 0].tolist() == [50, 3, 4, 5]
    with pytest.raises(DataError, match="preferred alike"):
        preferences(0.5, 0.5, 0.5).chosen()


def test_pairs_are_padded_with_zeros_and_masked() -> None:
    pairs = preferences(1.0, 0.5, 0.0).pairs()
    assert pairs.first.obs.shape == (4, 4, 1)
    assert pairs.second.rewards.shape == (4, 4)
    assert int(pairs.count) == 3
    assert pairs.probability.tolist() == [1.0, 0.5, 0.0, 0.5]
    assert pairs.first.mask.sum(axis=1).tolist() == [2, 1, 3, 0]
    assert pairs.first.obs[2, :, 0].tolist() == [5, 6, 7, 0]
    assert pairs.first.next_obs[2, :, 0].tolist() == [6, 7, 8, 0]
    assert pairs.first.actions[2, :, 0].tolist() == [3, 4, 5, 0]
    assert pairs.first.terminated.tolist() == [
        [False, True, False, False],
        [False] * 4,
        [False, False, True, False],
        [False] * 4,
    ]


def test_clips_show_what_was_done_rather_than_what_was_intended() -> None:
    first = clips(2, 1, 3)
    first = Demonstrations(**{**vars(first), "executed": first.actions + 1})
    pairs = Preferences(first, clips(1, 2, 2), np.ones(3, np.float32)).pairs()
    assert pairs.first.actions[0, :, 0].tolist() == [1, 2, 0, 0]


def test_earlier_pairs_stand_first() -> None:
    one, two = preferences(1.0, 0.0, 0.5), preferences(0.2, 0.3, 0.4)
    joined = join_pairs([one, two])
    assert not difference(joined.take(np.arange(3)), one)
    assert not difference(joined.take(np.arange(3, 6)), two)


def test_pairs_are_kept(tmp_path: Path) -> None:
    save(preferences(1.0, 0.0, 0.5), tmp_path / "pairs")
    assert not difference(load(tmp_path / "pairs"), preferences(1.0, 0.0, 0.5))


OTHER = Spaces(observation=Box.symmetric((100.0,)), action=Box.symmetric((1.0,)))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: preferences(1.0, 0.0), "a probability for each, got 3, 3 and 2"),
        (lambda: preferences(1.0, 0.0, 1.0, first=(1, 1)), "got 2, 3 and 3"),
        (lambda: preferences(1.0, 1.2, 0.0), r"must be in [0, 1], got 1.2 in pair 1"),
        (lambda: preferences(1.0, 0.0, float("nan")), r"must be in [0, 1], got nan in pair 2"),
        (lambda: preferences(1.0, 0.0, 1.0, first=(1, 0, 1)), "at least one step, got 0 in episode 1"),
        (lambda: Preferences(clips(1), clips(1, spaces=OTHER), np.ones(1, np.float32)), "of one environment"),
        (
            lambda: join_pairs([preferences(1.0, 0.0, 1.0), Preferences(*[clips(1, spaces=OTHER)] * 2, np.ones(1))]),
            "of one environment, but the actions have a bound",
        ),
    ],
)
def test_what_makes_no_pairs_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        make()


@pytest.mark.parametrize(("answer", "said"), [(0.5, "are ties"), (1.0, "has not looked"), (0.0, "answers are 0")])
def test_answers_that_tell_nothing_are_refused(answer: float, said: str) -> None:
    sides = clips(*[1] * 20), clips(*[1] * 20)
    with pytest.raises(DataError, match=said):
        Preferences(*sides, np.full(20, answer, np.float32)).check_telling()
    mixed = np.full(20, answer, np.float32)
    mixed[3] = 0.7
    Preferences(*sides, mixed).check_telling()
    preferences(1.0, 1.0, 1.0).check_telling()
