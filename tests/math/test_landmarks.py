"""Landmarks, the gaps between them and the shortest ways over these."""

import numpy as np
import pytest

from ilkit.math.landmarks import choose_landmarks, mean_gaps, nearest, passages, shortest_ways

RANDOM = np.random.default_rng(0)


def test_shortest_ways_are_those_of_floyd_and_warshall_and_are_gone_hop_by_hop() -> None:
    gaps = np.where(RANDOM.random((9, 9)) < 0.3, RANDOM.uniform(1, 9, (9, 9)), np.inf)
    gaps[4] = np.inf  # a dead end
    expected = gaps.copy()
    np.fill_diagonal(expected, 0.0)
    for middle in range(9):
        expected = np.minimum(expected, expected[:, [middle]] + expected[[middle]])
    ways = shortest_ways(gaps)
    np.testing.assert_allclose(ways.steps, expected, rtol=1e-12)
    for start, end in np.ndindex(9, 9):
        if not np.isfinite(expected[start, end]) or start == end:
            assert ways.following[start, end] == start
            continue
        here, gone = start, 0.0
        while here != end:
            after = ways.following[here, end]
            gone, here = gone + gaps[here, after], after
        assert gone == pytest.approx(expected[start, end])


def test_a_gap_is_the_mean_of_its_passages_and_not_the_least() -> None:
    """Where two regions touch the least is one step, though it takes five from the middle of the one to the other's."""
    regions = np.asarray([0] * 5 + [1] * 5 + [0] * 5 + [0, 1, 1, 1, 2])
    episodes = np.repeat([0, 1], [15, 5])
    found = passages(regions, episodes)
    np.testing.assert_array_equal(found.origin, [0, 1, 0, 1])
    np.testing.assert_array_equal(found.target, [1, 0, 1, 2])
    np.testing.assert_array_equal(found.steps, [5.0, 5.0, 2.0, 2.0])
    gaps = mean_gaps(found, 3)
    np.testing.assert_array_equal(gaps, [[np.inf, 3.5, np.inf], [5.0, np.inf, 2.0], [np.inf] * 3])


def test_landmarks_are_points_and_none_is_far_from_any() -> None:
    points = np.concatenate([RANDOM.uniform(0, 1, (9_990, 2)), RANDOM.uniform(3, 4, (10, 2))])
    chosen = choose_landmarks(points, 60)
    assert len(np.unique(chosen, axis=0)) == 60
    assert all((one == points).all(axis=1).any() for one in chosen)
    away = np.linalg.norm(points - chosen[nearest(chosen, points)], axis=1)
    assert away.max() < 0.35  # of 10,000 points 10 are elsewhere, and have landmarks, too
    rim = np.abs(chosen[chosen.max(axis=1) < 2] - 0.5).max(axis=1) > 0.49
    assert rim.mean() < 0.1  # the farthest points would lie there


def test_there_are_no_more_landmarks_than_points() -> None:
    chosen = choose_landmarks(np.asarray([[0.0], [1.0], [1.0], [5.0]]), 10)
    np.testing.assert_array_equal(np.sort(chosen[:, 0]), [0.0, 1.0, 5.0])
