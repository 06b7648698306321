"""The probability of a success within n tries, against counting."""

from itertools import combinations

import numpy as np
import pytest

from ilkit.measuring.tries import found_within


@pytest.mark.parametrize("successes", [0, 1, 3, 6])
def test_it_is_the_share_of_the_subsets_that_hold_a_success(successes: int) -> None:
    tries = [number < successes for number in range(6)]
    counts = np.arange(1, 7)
    exact = [np.mean([any(chosen) for chosen in combinations(tries, int(count))]) for count in counts]
    np.testing.assert_allclose(found_within(np.array(successes), 6, counts), exact, atol=1e-12)


def test_starts_lead() -> None:
    found = found_within(np.array([[0, 64], [1, 2]]), 64, np.array([1, 64]))
    np.testing.assert_allclose(found, [[[0, 0], [1, 1]], [[1 / 64, 1], [2 / 64, 1]]])
