"""Attempts at goals, counted by hand."""

import numpy as np
import pytest

from ilkit.measuring.comparison import Resampling
from ilkit.measuring.goals import Attempts, Tasks, attempts_of, by_distance, rate_of, score, stacked

RESAMPLING = Resampling(0.95, 500, 0)


def test_the_start_does_not_count_and_nothing_does_after_the_end() -> None:
    distances = np.asarray([[0.0, 2.0, 0.4, 3.0], [5.0, 4.0, 0.5, 0.5], [9.0, 9.0, 9.0, 0.0]])
    found = attempts_of(distances, np.asarray([3, 3, 2]), tolerance=0.5)
    np.testing.assert_array_equal(found.ever, [[True, True, False]])
    np.testing.assert_array_equal(found.at_end, [[False, True, False]])
    np.testing.assert_array_equal(found.steps, [[2, 2, 0]])
    np.testing.assert_array_equal(found.final_distance, [[3.0, 0.5, 9.0]])


def test_spl_is_the_share_of_the_shortest_way_where_it_succeeds() -> None:
    away, nothing = np.asarray([4.0, 4.0, 4.0, 4.0]), np.zeros((4, 1))
    tasks = Tasks(nothing, nothing, away, knows_ways=True, held_out=np.asarray([True, False, False, False]))
    ever = np.asarray([[True, True, False, True]])
    attempts = Attempts(ever, ever, np.asarray([[4, 8, 0, 2]]), np.zeros((1, 4)))
    found = score(tasks, attempts, "ever", RESAMPLING)
    assert found.spl == pytest.approx((1.0 + 0.5 + 0.0 + 1.0) / 4)
    assert found.steps == pytest.approx(14 / 3)
    assert found.least_steps == 4.0
    assert found.held_out is not None
    assert found.held_out.rate == 1.0
    assert found.seen is not None
    assert found.seen.rate == pytest.approx(2 / 3)
    unknown = score(tasks._replace(knows_ways=False, held_out=None), attempts, "ever", RESAMPLING)
    assert (unknown.spl, unknown.seen, unknown.held_out, unknown.least_steps) == (None, None, None, None)


def test_the_score_interval_is_over_pairs_and_the_bootstrap_over_seeds() -> None:
    hits = np.zeros((4, 50), bool)
    hits[:, :25] = True  # all seeds solve the same half of the pairs
    found = rate_of(hits, RESAMPLING)
    assert found.rate == 0.5
    assert found.over_seeds == (0.5, 0.5)
    one = rate_of(hits[:1], RESAMPLING)
    assert one.over_seeds is None
    np.testing.assert_allclose(found.wilson, one.wilson, atol=1e-2)  # as wide: other seeds tell nothing of other pairs
    half = one.wilson.high - one.wilson.low
    assert half == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(50), rel=0.07)


def test_groups_by_distance_hold_each_episode_once_from_near_to_far() -> None:
    rng = np.random.default_rng(0)
    away = rng.permutation(np.arange(1.0, 61.0))
    tasks = Tasks(np.zeros((60, 1)), np.zeros((60, 1)), away, knows_ways=True, held_out=None)
    near = np.stack([away <= 30.0] * 2)
    found = by_distance(tasks, near, 6, RESAMPLING)
    np.testing.assert_allclose(found.away, [5.5, 15.5, 25.5, 35.5, 45.5, 55.5])
    assert [rate.rate for rate in found.rates] == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert len(by_distance(tasks, near, 100, RESAMPLING).rates) == 60


def test_seeds_are_put_one_above_the_other() -> None:
    one = attempts_of(np.asarray([[1.0, 0.0]]), np.asarray([1]), 0.5)
    two = attempts_of(np.asarray([[1.0, 2.0]]), np.asarray([1]), 0.5)
    np.testing.assert_array_equal(stacked([one, two]).ever, [[True], [False]])
