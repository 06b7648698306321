"""What is missing to the frontier, and how far a learnt reward can be followed."""

import numpy as np
import pytest

from ilkit.measuring.frontier import Frontier
from ilkit.measuring.frontier_findings import Findings, Followed, Reached

EXACT = Frontier(np.array([0.0, 2.0, 3.0]), np.array([0.0, 1.0, 3.0]))


def found(**reached: Reached) -> Findings:
    return Findings(tuple(reached), EXACT, reference=0.0, best=4.0, reached=reached, followed={})


def test_what_is_missing_is_the_mean_gap_of_the_seeds_at_their_own_divergence() -> None:
    one = Reached(np.array([0.5, 2.0]), np.array([0.5, 2.0]))
    assert found(one=one).below(one) == pytest.approx(((1.0 - 0.5) + (2.5 - 2.0)) / 2)
    assert found(one=one).share(1.0) == 0.25


def test_the_peak_is_of_each_seed_and_the_end_is_at_the_least_beta() -> None:
    lines = [
        Frontier(np.array([1.0, 3.0, 2.0]), np.array([0.1, 0.5, 2.0])),
        Frontier(np.array([1.0, 0.5, 0.0]), np.array([0.3, 0.6, 0.9])),
    ]
    followed = Followed(lines, 0.5)
    assert followed.peak == pytest.approx((2.0, 0.4))
    assert followed.end == 1.0
