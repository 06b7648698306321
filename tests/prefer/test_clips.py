"""Clips of what was recorded are asked about, each pair drawn by its number."""

import dataclasses

import jax
import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.clip_digests import equal_pairs
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.labeler import Labeler
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Box, Spaces
from ilkit.errors import DataError
from ilkit.labeler import simulated
from ilkit.labeler.simulated import Simulated
from ilkit.prefer.clips import Clips, prefer
from ilkit.prefer.ranked import Ranked
from ilkit.testing.comparison import difference

pytestmark = pytest.mark.bits

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


def starts_of(made: Preferences) -> set[float]:
    return {start for one in (made.first, made.second) for start in one.before(one.starts)[:, 0].tolist()}


def test_every_stretch_of_the_length_is_shown_and_the_larger_return_preferred() -> None:
    demos = episodes(3, 5)
    made = prefer(Clips(num_pairs=300, length=3), person(), demos, key=KEY)
    assert starts_of(made) == {0.0, 4.0, 5.0, 6.0}
    assert made.num_pairs == 6
    assert (made.first.lengths == 3).all()
    gap = made.first.returns - made.second.returns
    assert (made.probability == np.select([gap > 0, gap < 0], [1.0, 0.0], 0.5)).all()
    assert all(one.truncated[one.before(one.starts)[:, 0] == 4.0].all() for one in (made.first, made.second))


def test_episodes_that_ended_early_are_shown_whole() -> None:
    made = prefer(Clips(num_pairs=100, length=4), person(), episodes(2, 2, 4, terminated=(True, False, False)), key=KEY)
    assert starts_of(made) == {0.0, 6.0}
    assert {*made.first.lengths.tolist(), *made.second.lengths.tolist()} == {2, 4}


def test_more_questions_change_no_earlier_answer_and_earlier_ones_stay() -> None:
    demos = episodes(20, 20)
    few, many = (prefer(Clips(num_pairs=n, length=5), person(rationality=0.3), demos, key=KEY) for n in (20, 30))
    assert not difference(many.take(np.arange(20)), few)
    since = prefer(Clips(num_pairs=10, length=5), person(), demos, earlier=few, key=jax.random.key(1))
    assert since.num_pairs == 30
    assert not difference(since.take(np.arange(20)), few)


@pytest.mark.parametrize("candidates", [1, 10])
def test_all_pairs_are_asked_about_before_any_is_again(candidates: int, caplog: pytest.LogCaptureFixture) -> None:
    demos, spec = episodes(8, 8), Clips(length=5, num_candidates=candidates)
    some, every = (prefer(spec.model_copy(update={"num_pairs": n}), person(), demos, key=KEY) for n in (20, 60))
    asked = [
        frozenset(side.before(side.starts)[pair, 0].item() for side in (every.first, every.second))
        for pair in range(every.num_pairs)
    ]
    assert len(set(asked)) == len(asked) == 28  # of 8 clips
    assert all(len(pair) == 2 for pair in asked)
    assert not difference(every.take(np.arange(some.num_pairs)), some)
    assert "There are 28 pairs of clips that differ, and all of them are asked about" in caplog.text


def test_no_pair_is_asked_about_that_was_before_even_in_another_recording(caplog: pytest.LogCaptureFixture) -> None:
    demos, spec = episodes(8, 8), Clips(num_pairs=12, length=5)
    asked = prefer(spec, person(), demos, key=KEY)
    again = dataclasses.replace(demos, rewards=-demos.rewards)
    second = prefer(spec, person(), again, earlier=asked, key=jax.random.key(1))
    third = prefer(spec, person(), again, earlier=second, key=jax.random.key(2))
    assert (asked.num_pairs, second.num_pairs, third.num_pairs) == (12, 24, 28)  # of 8 clips
    assert len(set(equal_pairs(third).tolist())) == 28
    caplog.clear()
    assert not difference(prefer(spec, person(), demos, earlier=third, key=KEY), third)
    assert "There are 28 pairs of clips that differ, and all of them are asked about" in caplog.text
    assert "12 of 12 questions weren't asked" in caplog.text


def test_tries_at_one_start_are_compared() -> None:
    demos = concatenate([episodes(6, 6), episodes(6, 6)])
    drawn = np.random.default_rng(1).normal(size=(2, 24)).astype(np.float32)
    tries = dataclasses.replace(demos, rewards=drawn[0], actions=drawn[1][:, None])
    made = prefer(Clips(num_pairs=40, length=4, same_start=True), person(), tries, key=KEY)
    assert (made.first.before(made.first.starts) == made.second.before(made.second.starts)).all()
    gap = made.first.returns - made.second.returns
    assert (made.probability == (gap > 0)).all()


def test_a_question_that_is_left_out_changes_no_other(caplog: pytest.LogCaptureFixture) -> None:
    demos = episodes(30, 30, 30, 30)
    spec = Clips(num_pairs=40, length=5, num_candidates=1)
    every = prefer(spec, person(rationality=0.2), demos, key=KEY)  # but those about a clip and itself
    some = prefer(spec.model_copy(update={"min_distance": 0.5}), person(rationality=0.2), demos, key=KEY)
    assert "questions weren't asked" in caplog.text
    gap = every.first.before(every.first.starts)[:, 0] - every.second.before(every.second.starts)[:, 0]
    spread = demos.before().std()
    kept = np.flatnonzero(np.abs(gap) / np.sqrt(2) / spread > 0.5)
    assert 0 < len(kept) < every.num_pairs
    assert not difference(every.take(kept), some)


def test_a_reward_must_be_there_to_select() -> None:
    (fault,) = Clips(selection="disagreement").input_faults({"labeler", "demos"})
    assert "needs a reward where it is disagreement" in fault
    assert not list(Clips(selection="disagreement").input_faults({"reward"}))
    assert not list(Clips().input_faults(()))


def test_clips_longer_than_episodes_are_found_before_anything_runs() -> None:
    for spec in (Clips(length=9), Ranked(length=9)):
        assert list(spec.length_faults(8)) == ["length: must be at most the 8 steps of an episode, got 9."]
    assert not list(Clips(length=8).length_faults(8)) + list(Clips(length=None).length_faults(8))


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
        (episodes(3, 5), Clips(length=2, same_start=True), person(), "Record several tries at each start"),
        (episodes(3, 5), Clips(length=2, selection="disagreement"), person(), "needs a reward that was learnt"),
        (episodes(3, 5), Clips(length=2), person(tie_margin=1e6), "All 15 answers are ties"),
        (episodes(3, 5), Clips(length=2), person(skip_margin=10.0), "None of the 15 questions was answered"),
    ],
)
def test_what_cannot_be_asked_is_refused(demos, spec, labeler, said) -> None:
    with pytest.raises(DataError, match=said):
        prefer(spec, labeler, demos, key=KEY)
