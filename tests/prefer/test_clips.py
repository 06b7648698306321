"""Clips of what was recorded are asked about, each pair drawn by its number."""

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.labeler import Labeler
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.labeler import simulated
from ilkit.labeler.simulated import Simulated
from ilkit.prefer.clips import Clips, prefer
from ilkit.testing.comparison import difference

SPACES = Spaces(observation=Box.symmetric((100.0,)), action=Box.symmetric((1.0,)))
KEY = jax.random.key(0)


def person(**settings) -> Build[Labeler]:
    return Build("labeler", "simulated", simulated.labeler, Simulated(**settings))


def episodes(*lengths: int, terminated: tuple[bool, ...] | None = None) -> Demonstrations:
    steps, count = sum(lengths), len(lengths)
    ended = np.zeros(count, bool) if terminated is None else np.asarray(terminated)
    return Demonstrations(
        obs=np.arange(steps + count, dtype=np.float32)[:, None],
        actions=np.zeros((steps, 1), np.float32),
        rewards=np.random.default_rng(0).normal(size=steps).astype(np.float32),
        terminated=ended,
        truncated=~ended,
        lengths=np.asarray(lengths, np.int32),
        spaces=SPACES,
    )


def test_every_stretch_of_the_length_is_shown_and_the_larger_return_preferred() -> None:
    demos = episodes(3, 5)
    made = prefer(Clips(num_pairs=300, length=3), person(), demos, key=KEY)
    assert set(made.first.before(made.first.starts)[:, 0].tolist()) == {0.0, 4.0, 5.0, 6.0}
    assert (made.first.lengths == 3).all()
    gap = made.first.returns - made.second.returns
    assert (made.probability == np.select([gap > 0, gap < 0], [1.0, 0.0], 0.5)).all()
    assert made.first.truncated[made.first.before(made.first.starts)[:, 0] == 4.0].all()


def test_episodes_that_ended_early_are_shown_whole() -> None:
    made = prefer(Clips(num_pairs=100, length=4), person(), episodes(2, 2, 4, terminated=(True, False, False)), key=KEY)
    assert set(made.first.before(made.first.starts)[:, 0].tolist()) == {0.0, 6.0}
    assert set(made.first.lengths.tolist()) == {2, 4}


def test_more_questions_change_no_earlier_answer_and_earlier_ones_stay() -> None:
    demos = episodes(20, 20)
    few, many = (prefer(Clips(num_pairs=n, length=5), person(rationality=0.3), demos, key=KEY) for n in (20, 30))
    assert not difference(many.take(np.arange(20)), few)
    since = prefer(Clips(num_pairs=10, length=5), person(), demos, earlier=few, key=jax.random.key(1))
    assert since.num_pairs == 30
    assert not difference(since.take(np.arange(20)), few)


@pytest.mark.parametrize(
    ("demos", "spec", "labeler", "said"),
    [
        (
            episodes(3, 5),
            Clips(length=6),
            person(),
            "prefer.clips.length must be at most the longest episode's 5 steps",
        ),
        (
            Demonstrations(**{**vars(episodes(3)), "rewards": np.full(3, np.nan, np.float32)}),
            Clips(length=2),
            person(),
            "compares rewards, and the demonstrations have none",
        ),
        (episodes(3, 5), Clips(length=2), person(skip_margin=10.0), "None of the 100 questions was answered"),
    ],
)
def test_what_cannot_be_asked_is_refused(demos, spec, labeler, said) -> None:
    with pytest.raises(DataError, match=said):
        prefer(spec, labeler, demos, key=KEY)
