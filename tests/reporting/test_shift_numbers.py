"""How far states are from the expert's, in words."""

import numpy as np

from ilkit.math.energy_distance import EnergyTest
from ilkit.measuring.shift import Departures, Errors, Shift
from ilkit.reporting.shift_numbers import Shifts, verdict_of

TIMES = np.arange(2)
ZEROS = np.zeros(2)
TEST = EnergyTest(ZEROS, ZEROS, ZEROS, ZEROS, 0.5)
STAYS = Departures(np.zeros((1, 2)), 1.0, np.asarray([np.nan]))


def told(**onsets: float) -> str:
    shifts = {name: Shift(TEST, onset, STAYS) for name, onset in onsets.items()}
    errors = {name: Errors(np.full(2, 1.0 + place), np.ones(2)) for place, name in enumerate(onsets)}
    returns = dict.fromkeys(onsets, 0.0)
    return verdict_of(
        Shifts("task", "expert", 1, dict.fromkeys(onsets, 1), 0.95, TIMES, shifts, errors, None, None, returns)
    )


def test_of_two_policies_each_is_told_and_of_more_who_surely_differs_and_who_errs_most() -> None:
    assert told(one=np.nan, two=1.0).count("of its episodes leave") == 2
    assert told(one=np.nan, two=1.0, three=np.nan) == (
        "The states of two (by step 1) surely differ from the expert's. Those of one, three never surely do. Where it "
        "goes three errs 3 times as much as at the expert's states: the most."
    )
    assert told(one=np.nan, two=np.nan, three=np.nan).startswith("The states of no policy surely differ from")
