"""Clips are ranked by what is known of their episodes alone."""

import dataclasses

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Labeler
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.labeler import simulated
from ilkit.prefer.ranked import Ranked, prefer
from ilkit.testing.comparison import difference

pytestmark = pytest.mark.bits

KEY = jax.random.key(0)
NOBODY: Build[Labeler] = Build("labeler", "simulated", simulated.labeler, simulated.Simulated())
SPACES = Spaces(observation=Box.symmetric((100.0,)), action=Box.symmetric((1.0,)))


def episodes(*returns: float, steps: int = 4, success: list[float] | None = None) -> Demonstrations:
    """The observation tells the episode."""
    count = len(returns)
    ends = np.zeros(count, bool)
    return Demonstrations(
        obs=np.repeat(np.arange(count, dtype=np.float32), steps + 1)[:, None],
        actions=np.zeros((count * steps, 1), np.float32),
        rewards=np.repeat(np.asarray(returns, np.float32) / steps, steps),
        terminated=ends,
        truncated=~ends,
        lengths=np.full(count, steps, np.int32),
        spaces=SPACES,
        success=None if success is None else np.asarray(success, np.float32),
    )


def places(made: Preferences) -> np.ndarray:
    return np.stack([side.before(side.starts)[:, 0] for side in (made.first, made.second)], axis=1).astype(int)


@pytest.mark.parametrize(
    ("demos", "settings", "quality"),
    [
        (episodes(3.0, 1.0, 2.0, 1.0), {}, [3, 1, 2, 1]),
        (episodes(0.0, 0.0, 0.0, success=[1, 0, 1]), {"quality": "success"}, [1, 0, 1]),
        (episodes(0.0, 5.0, 9.0, 0.0, 5.0, 9.0), {"quality": "noise", "tries": 3}, [3, 2, 1, 3, 2, 1]),
    ],
)
def test_the_clip_of_the_better_episode_is_preferred(demos, settings, quality) -> None:
    made = prefer(Ranked(num_pairs=200, length=2, **settings), NOBODY, demos, key=KEY)
    first, second = np.asarray(quality)[places(made)].T
    assert (first != second).all()
    assert (made.probability == (first > second)).all()
    assert 60 < made.probability.sum() < 140
    assert set(places(made).ravel()) == set(range(len(quality)))


def test_episodes_may_have_to_be_some_places_apart() -> None:
    made = prefer(Ranked(num_pairs=100, length=2, min_gap=2), NOBODY, episodes(0.0, 1.0, 5.0, 7.0), key=KEY)
    assert (np.abs(np.diff(places(made), axis=1)) >= 2).all()


def test_more_pairs_change_no_earlier_one() -> None:
    demos = episodes(0.0, 1.0, 5.0, 7.0)
    few, many = (prefer(Ranked(num_pairs=count, length=2), NOBODY, demos, key=KEY) for count in (20, 30))
    assert not difference(many.take(np.arange(20)), few)
    since = prefer(Ranked(num_pairs=5, length=2), NOBODY, demos, few, key=jax.random.key(1))
    assert not difference(since.take(np.arange(20)), few)


UNKNOWN = dataclasses.replace(episodes(1.0, 2.0), rewards=np.full(8, np.nan, np.float32))


@pytest.mark.parametrize(
    ("demos", "settings", "said"),
    [
        (UNKNOWN, {}, "ranks by return, which the demonstrations don't tell"),
        (episodes(1.0, 2.0), {"quality": "success"}, "ranks by success, which"),
        (episodes(1.0, 1.0), {}, "No two episodes differ in return by 1 places"),
        (episodes(1.0, 2.0), {"min_gap": 2}, "Lower min_gap"),
        (episodes(1.0, 2.0), {"quality": "noise", "tries": 3}, "must divide the number of episodes, 2, got 3"),
        (episodes(1.0, 2.0), {"length": 5}, "longest episode's 4 steps, got 5"),
    ],
)
def test_what_cannot_be_ranked_is_refused(demos, settings, said) -> None:
    with pytest.raises(DataError, match=said):
        prefer(Ranked(**({"length": 2} | settings)), NOBODY, demos, key=KEY)


def test_tries_rank_by_noise_alone() -> None:
    with pytest.raises(ValidationError, match="only there, got 3"):
        Ranked(tries=3)
