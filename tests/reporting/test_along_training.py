"""What a report says of policies as they were along their training."""

import numpy as np

from ilkit.math.statistics import Interval
from ilkit.measuring.along_training import AlongTraining
from ilkit.measuring.curves import Curve
from ilkit.reporting.along_numbers import along_metrics, falls_of


def _along(*levels: float) -> AlongTraining:
    rows = np.asarray([levels], float)
    steps = np.arange(len(levels)) * 100.0
    return AlongTraining(Curve("env_steps", steps, rows, rows[0], Interval(rows[0], rows[0])), random=-1000.0)


def _told(**along: AlongTraining) -> list[str]:
    return falls_of(along, 0)


def test_of_two_policies_each_is_told() -> None:
    assert _told(one=_along(-200, -600, -150), two=_along(-200, -200, -100)) == [
        "In training `one` fell from -200 to -600 (after 100 environment steps). The lowest share of any seed's way "
        "from random to its start was 0.50.",
        "In training `two` was never below where it started (-200).",
    ]


def test_of_many_the_one_that_fell_deepest_is_told_and_those_that_never_fell() -> None:
    (told,) = _told(one=_along(-200, -300), two=_along(-200, -600), three=_along(-200, -100))
    assert told.startswith("In training `two` fell from -200 to -600 (after 100")
    assert told.endswith("None fell deeper. Never below where they started: `three`.")
    (told,) = _told(one=_along(0, 1), two=_along(0, 1), three=_along(0, 0))
    assert told == "In training no policy was ever below where it started."


def test_metrics_hold_the_start_and_the_lowest_point() -> None:
    assert along_metrics(_along(-200, -600, -150)) == {
        "start": -200.0,
        "lowest": -600.0,
        "lowest_share": 0.5,
        "fall": 400.0,
        "fall_seed": 0,
        "fall_env_steps": 100,
    }
    assert along_metrics(_along(0, 1))["fall"] == 0.0
