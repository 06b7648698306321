"""A simulated person follows returns as far as it is rational, and draws each answer from its pair's number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from ilkit.data.labeler import Answers
from ilkit.data.preferences import Clips
from ilkit.errors import DataError
from ilkit.labeler.simulated import Simulated, labeler


def clips(rewards: Array, mask: Array | None = None) -> Clips:
    rewards = jnp.asarray(rewards, jnp.float32)
    there = jnp.ones(rewards.shape, bool) if mask is None else mask
    zeros = jnp.zeros((*rewards.shape, 1))
    return Clips(zeros, zeros, zeros, rewards, jnp.zeros(rewards.shape, bool), there)


def asked(spec: Simulated, first: Array, second: Array, seed: int = 0) -> Answers:
    numbers = jnp.arange(len(first))
    return labeler(spec).answers(clips(first), clips(second), numbers, key=jax.random.key(seed))


def test_without_a_limit_to_its_rationality_it_follows_the_return() -> None:
    first, second = jnp.asarray([[1.0, 2.0], [1.0, 1.0], [0.0, 3.0]]), jnp.asarray([[2.0, 0.0], [3.0, 0.0], [3.0, 0.0]])
    answers = asked(Simulated(), first, second)
    assert answers.probability.tolist() == [1.0, 0.0, 0.5]
    assert answers.answered.tolist() == [True] * 3


@pytest.mark.parametrize("rationality", [0.5, 2.0])
def test_it_is_right_as_often_as_the_logistic_function_says(rationality: float) -> None:
    count = 20_000
    answers = asked(Simulated(rationality=rationality), jnp.full((count, 1), 1.0), jnp.zeros((count, 1)))
    expected = 1 / (1 + np.exp(-rationality))
    assert float(answers.probability.mean()) == pytest.approx(expected, abs=4 * np.sqrt(0.25 / count))


def test_rationality_is_in_units_of_the_spread_of_the_clips_that_it_has_seen() -> None:
    count = 20_000
    seen = clips(jnp.asarray([[0.0], [20.0], [7.0]]), jnp.asarray([[True], [True], [False]]))  # std 10
    person = labeler(Simulated(rationality=1.0)).fitted(seen)
    first, second = clips(jnp.full((count, 1), 15.0)), clips(jnp.full((count, 1), 5.0))
    answers = person.answers(first, second, jnp.arange(count), key=jax.random.key(0))
    assert float(answers.probability.mean()) == pytest.approx(1 / (1 + np.exp(-1)), abs=0.015)


def test_rounding_makes_no_tie_of_returns_that_differ() -> None:
    seen = clips(jnp.asarray([[0.0], [2e6]]))
    person = labeler(Simulated()).fitted(seen)
    more, less = jnp.asarray([[1.0 + 2**-20], [1.0], [-1.0]]), jnp.asarray([[1.0], [1.0], [-1.0 + 2**-20]])
    answers = person.answers(clips(more), clips(less), jnp.arange(3), key=jax.random.key(0))
    assert answers.probability.tolist() == [1.0, 0.5, 0.0]


def test_mistakes_turn_answers_round_and_leave_ties() -> None:
    count = 20_000
    answers = asked(Simulated(mistake=0.2), jnp.full((count, 1), 1.0), jnp.zeros((count, 1)))
    assert float(answers.probability.mean()) == pytest.approx(0.8, abs=0.012)
    ties = asked(Simulated(mistake=0.5, tie_margin=0.3), jnp.full((9, 1), 1.0), jnp.full((9, 1), 0.75))
    assert ties.probability.tolist() == [0.5] * 9


def test_what_is_poor_twice_gets_no_answer() -> None:
    answers = asked(
        Simulated(skip_margin=0.0), jnp.asarray([[-1.0], [-1.0], [0.0]]), jnp.asarray([[-2.0], [1.0], [0.0]])
    )
    assert answers.answered.tolist() == [False, True, True]


def test_the_end_counts_most_for_the_myopic() -> None:
    first, second = jnp.asarray([[0.0, 1.0], [3.0, 0.0]]), jnp.asarray([[1.5, 0.0], [0.0, 1.0]])
    assert asked(Simulated(myopia=0.5), first, second).probability.tolist() == [1.0, 1.0]
    assert asked(Simulated(), first, second).probability.tolist() == [0.0, 1.0]


def test_steps_that_only_pad_count_nothing() -> None:
    mask = jnp.asarray([[True, True, False]])
    one = clips(jnp.asarray([[1.0, 1.0, jnp.nan]]), mask)
    answers = labeler(Simulated()).answers(
        one, clips(jnp.asarray([[1.0, 0.0, 0.5]])), jnp.arange(1), key=jax.random.key(0)
    )
    assert answers.probability.tolist() == [1.0]


def test_an_answer_depends_on_the_number_of_its_pair_alone() -> None:
    one, other = jnp.full((50, 1), 1.0), jnp.zeros((50, 1))
    spec = Simulated(rationality=0.1)
    long, short = asked(spec, one, other), asked(spec, one[:20], other[:20])
    assert long.probability[:20].tolist() == short.probability.tolist()
    assert asked(spec, one, other, seed=1).probability.tolist() != long.probability.tolist()


def test_an_advantage_is_what_is_returned_beyond_what_is_usual_from_there() -> None:
    # From 1 every try earns 10 or 11, from 0 it earns 0 or 3: the best try from 0 is the larger surprise.
    obs, rewards = jnp.asarray([1.0, 1.0, 0.0, 0.0])[:, None, None], jnp.asarray([10.0, 11.0, 0.0, 3.0])[:, None]
    seen = Clips(obs, obs, obs, rewards, jnp.ones((4, 1), bool), jnp.ones((4, 1), bool))
    rows = [jax.tree.map(lambda leaf, row=row: leaf[row : row + 1], seen) for row in (1, 3)]
    numbers, key = jnp.arange(1), jax.random.key(0)
    for criterion, expected in (("return", 1.0), ("advantage", 0.0)):
        person = labeler(Simulated(criterion=criterion)).fitted(seen)
        assert person.answers(*rows, numbers, key=key).probability.tolist() == [expected]


def test_advantages_need_what_they_are_measured_against() -> None:
    with pytest.raises(DataError, match="Call fitted"):
        asked(Simulated(criterion="advantage"), jnp.ones((1, 1)), jnp.zeros((1, 1)))
    assert Simulated(discount=0.5).idle() == {"discount": "only where criterion is advantage"}
