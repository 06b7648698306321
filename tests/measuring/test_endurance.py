"""Leads are differences in pairs, over all disturbances without the undisturbed episodes."""

import numpy as np

from ilkit.measuring.comparison import Resampling
from ilkit.measuring.endurance import compare_endurance, measure_endurance

RESAMPLING = Resampling(0.95, 200, 0)
STRENGTHS = np.array([0.0, 0.5, 1.0])
FIRST = np.array([[1.0, 0.5, 0.0], [0.0, 0.25, 0.5], [0.5, 0.5, 0.25]])


def test_means_and_intervals_are_over_units() -> None:
    one = measure_endurance(FIRST, 3, RESAMPLING)
    np.testing.assert_allclose(one.mean, [0.5, 1.25 / 3, 0.25])
    assert (one.interval.low < one.mean).all()
    assert (one.mean < one.interval.high).all()


def test_leads_are_pairs_of_the_same_seeds() -> None:
    better, other = FIRST + np.array([0.0, 0.25, 0.5]), np.zeros((2, 3))
    (lead,) = compare_endurance(
        {"first": FIRST, "better": better, "other": other}, {"better": "first", "other": "first"}, STRENGTHS, RESAMPLING
    )
    assert (lead.name, lead.reference, lead.sign) == ("better", "first", 1)
    np.testing.assert_allclose(lead.difference, [0.0, 0.25, 0.5])
    np.testing.assert_allclose(lead.interval, [lead.difference, lead.difference])  # the same in every seed
    np.testing.assert_allclose([lead.disturbed, *lead.disturbed_interval], 0.375)


def test_who_can_tell_no_difference_says_so() -> None:
    mixed = FIRST + np.array([[0.0, 0.2, 0.2], [0.0, -0.2, -0.2], [0.0, 0.1, -0.1]])
    worse = FIRST - 0.1
    outcomes, references = {"a": FIRST, "b": mixed, "c": worse}, {"b": "a", "c": "a"}
    assert [one.sign for one in compare_endurance(outcomes, references, STRENGTHS, RESAMPLING)] == [0, -1]
