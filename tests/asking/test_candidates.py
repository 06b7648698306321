import jax
import numpy as np
import pytest

from ilkit.asking.candidates import any_two, two_from_one_start
from ilkit.asking.stretches import Stretches, stretches_of
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.errors import DataError
from ilkit.testing import problems, stand_ins

KEY = jax.random.key(0)
EPISODES = stand_ins.wandering(problems.environment("continuous")(), 6)
TWICE = concatenate([EPISODES, EPISODES.take(np.asarray([4, 1, 4]))])


def test_any_two_are_drawn_by_the_number_of_their_question() -> None:
    stretches = Stretches(np.arange(50), np.ones(50, np.int64))
    few, many = (any_two(stretches, key=KEY).candidates(count, 3) for count in (20, 300))
    assert few.shape == (20, 3, 2)
    assert (many[:20] == few).all()
    assert set(many.ravel().tolist()) == set(range(50))


def first_obs(demos: Demonstrations, stretches: Stretches, pairs: np.ndarray) -> np.ndarray:
    return demos.before(stretches.rows[pairs])


def test_two_from_one_start_begin_alike_in_different_places_and_all_such_are_drawn() -> None:
    stretches = stretches_of(TWICE, None, at="length")
    source = two_from_one_start(TWICE, stretches, key=KEY)
    pairs = source.candidates(200, 2).reshape(-1, 2)
    assert source.num_pairs == 4
    seen = first_obs(TWICE, stretches, pairs)
    assert (seen[:, 0] == seen[:, 1]).all()
    assert {tuple(pair) for pair in pairs.tolist()} == {(1, 7), (7, 1), (4, 6), (6, 4), (4, 8), (8, 4), (6, 8), (8, 6)}


def test_without_two_of_one_start_the_remedy_is_named() -> None:
    with pytest.raises(DataError, match="several tries at each start"):
        two_from_one_start(EPISODES, stretches_of(EPISODES, 3, at="length"), key=KEY)


def test_one_clip_is_no_question() -> None:
    with pytest.raises(DataError, match="needs two clips"):
        any_two(Stretches(np.zeros(1, int), np.ones(1, int)), key=KEY)
