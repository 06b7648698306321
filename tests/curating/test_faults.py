import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ilkit.curating.fault import Fault, Place
from ilkit.curating.faults import find_faults
from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.spaces import Box, Discrete, Spaces

pytestmark = pytest.mark.bits


def only(found: tuple[Fault, ...]) -> Fault:
    assert len(found) == 1, [str(fault) for fault in found]
    return found[0]


def replaced(demos: Demonstrations, **changed: Any) -> Demonstrations:
    """With other arrays, unchecked, as from an artifact that another program wrote."""
    made = object.__new__(Demonstrations)
    for name in ("obs", "actions", "rewards", "terminated", "truncated", "lengths", "spaces"):
        object.__setattr__(made, name, changed.get(name, getattr(demos, name)))
    return made


@pytest.mark.parametrize("kind", ["cart_pole", "mountain_car_continuous", "pendulum", "point_mass"])
def test_clean_data_have_no_faults(kind: str, clean_of: Callable[[str], Demonstrations]) -> None:
    assert find_faults(clean_of(kind)) == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["obs", "actions"])
def test_what_is_not_finite_is_placed(name: str, value: float, clean: Demonstrations) -> None:
    step = 41 + 5 if name == "obs" else 40 + 5
    getattr(clean, name)[step, 1] = value
    fault = only(find_faults(clean))
    assert fault.name == f"{name} not finite"
    assert fault.places == (Place(1, 5, 1),)
    assert "episode 1 step 5 dimension 1" in str(fault)


def test_a_missing_reward_is_found_but_none_at_all_is_no_fault(clean: Demonstrations) -> None:
    clean.rewards[43] = np.nan
    fault = only(find_faults(clean))
    assert (fault.name, fault.places) == ("rewards not finite", (Place(1, 3),))
    clean.rewards[:] = np.nan
    assert find_faults(clean) == ()


def test_many_bad_rows_are_one_line_with_their_number(clean: Demonstrations) -> None:
    clean.actions[:, 0] = np.where(np.arange(clean.num_steps) % 2, 9.0, -9.0)
    fault = only(find_faults(clean))
    assert fault.name == "actions outside of their space"
    assert fault.occurrences == clean.num_steps
    assert "480 entries in 480 rows of 12 episodes" in str(fault)
    assert len(str(fault).splitlines()) == 1
    assert fault.places == (Place(0, 0, 0), Place(0, 1, 0), Place(0, 2, 0))


def test_an_action_at_the_bound_is_inside(clean: Demonstrations) -> None:
    clean.actions[3, 0] = 8.0
    assert find_faults(clean) == ()
    clean.actions[3, 0] = np.nextafter(np.float32(8.0), np.float32(9.0))
    assert only(find_faults(clean)).places == (Place(0, 3, 0),)


@pytest.mark.parametrize("action", [-1, 2])
def test_a_choice_that_there_is_not_is_found(action: int, clean_of: Callable[[str], Demonstrations]) -> None:
    demos = clean_of("cart_pole")
    actions = demos.actions.copy()
    actions[demos.lengths[0] + 2] = action
    fault = only(find_faults(replaced(demos, actions=actions)))
    assert (fault.name, fault.places) == ("actions outside of their space", (Place(1, 2),))


def test_ends_are_one_of_two(clean: Demonstrations) -> None:
    clean.truncated[4] = False
    assert only(find_faults(clean)).places == (Place(4),)
    clean.truncated[4] = clean.terminated[7] = True
    fault = only(find_faults(clean))
    assert (fault.name, fault.places) == ("episodes terminated and truncated", (Place(7),))


@pytest.mark.parametrize("name", ["obs", "actions"])
def test_a_constant_dimension_is_found(name: str, clean: Demonstrations) -> None:
    getattr(clean, name)[:, 1] = 0.25
    fault = only(find_faults(clean))
    assert (fault.name, fault.places) == (f"{name} constant", (Place(dimension=1),))


@pytest.mark.parametrize("name", ["obs", "actions"])
def test_a_duplicated_dimension_is_found(name: str, clean: Demonstrations) -> None:
    rows = getattr(clean, name)
    rows[:, 1] = rows[:, 0]
    fault = only(find_faults(clean))
    assert (fault.name, fault.places) == (f"{name} duplicated", (Place(dimension=1),))
    rows[-1, 1] += 1e-3  # it differs in the last row only
    assert find_faults(clean) == ()


def test_columns_that_part_after_a_long_while_are_told_apart(clean: Demonstrations) -> None:
    rows = 6000
    obs = np.random.default_rng(0).normal(size=(rows + 1, 4)).astype(np.float32)
    obs[:5000, 1] = obs[:5000, 2] = obs[:5000, 0]
    obs[:, 3] = obs[:, 2]
    demos = Demonstrations(
        obs,
        np.random.default_rng(1).normal(size=(rows, 2)).astype(np.float32),
        np.zeros(rows, np.float32),
        np.asarray([False]),
        np.asarray([True]),
        np.asarray([rows], np.int32),
        spaces=clean.spaces,
    )
    assert only(find_faults(demos)).places == (Place(dimension=3),)


def test_an_action_inside_the_observation_is_found(clean: Demonstrations) -> None:
    before = np.delete(np.arange(len(clean.obs)), np.cumsum(clean.lengths + 1) - 1)
    clean.obs[before, 2] = clean.actions[:, 1]
    fault = only(find_faults(clean))
    assert fault.name == "obs hold the action"
    assert "dimension 1 of every action is dimension 2 of the observation" in str(fault)


def test_a_frozen_observation_is_found_with_its_longest_run(clean: Demonstrations) -> None:
    start = 3 * 41
    clean.obs[start + 11 : start + 14] = clean.obs[start + 10]
    clean.obs[start + 30] = clean.obs[start + 29]
    fault = only(find_faults(clean))
    assert fault.name == "obs repeated"
    assert fault.occurrences == 4
    assert "4 steps in 2 runs of 1 episode, the longest of 3 steps at episode 3 step 10" in str(fault)
    assert fault.places == (Place(3, 11), Place(3, 30))


def test_a_rest_without_actions_is_a_pause_and_no_frozen_sensor(clean: Demonstrations) -> None:
    clean.obs[3 * 41 + 11 : 3 * 41 + 14] = clean.obs[3 * 41 + 10]
    clean.actions[3 * 40 + 10 : 3 * 40 + 13] = 0.0
    fault = only(find_faults(clean))
    assert fault.name == "pause"
    assert "3 steps in 1 run of 1 episode, the longest of 3 steps at episode 3 step 10" in str(fault)
    clean.actions[3 * 40 + 12] = 0.5  # what was done there moved nothing
    assert [fault.name for fault in find_faults(clean)] == ["obs repeated", "pause"]


def test_final_observations_that_were_repeated_are_no_frozen_sensor(clean: Demonstrations) -> None:
    last = np.cumsum(clean.lengths + 1) - 1
    clean.obs[last] = clean.obs[last - 1]
    assert find_faults(clean) == ()
    clean.obs[last[3], 0] += 1.0  # now it isn't so in every episode
    assert only(find_faults(clean)).name == "obs repeated"


def test_the_last_observation_of_an_episode_may_be_the_first_of_the_next(clean: Demonstrations) -> None:
    clean.obs[41] = clean.obs[40]
    assert find_faults(clean) == ()


@pytest.mark.parametrize(("by", "said"), [(1, "one row late"), (-1, "one row early")])
def test_cuts_that_are_off_by_one_row_are_found(by: int, said: str) -> None:
    starts = 5.0 * np.arange(7)
    time = np.repeat(starts, 30) + np.tile(0.02 * np.arange(30), 7)
    lengths = np.full(7, 29, np.int32)
    lengths[0], lengths[-1] = 29 + by, 29 - by
    demos = Demonstrations(
        np.stack([time, np.cos(time)], axis=1).astype(np.float32),
        np.random.default_rng(0).uniform(-1, 1, (203, 1)).astype(np.float32),
        np.zeros(203, np.float32),
        np.zeros(7, bool),
        np.ones(7, bool),
        lengths,
        spaces=Spaces(observation=Box.symmetric((np.inf, np.inf)), action=Box.symmetric((1.0,))),
    )
    faults = [fault for fault in find_faults(demos) if fault.name == "cuts off by a row"]
    assert said in str(only(tuple(faults)))
    assert "across 6 of 6 cuts" in str(faults[0])
    right = dataclasses.replace(demos, lengths=np.full(7, 29, np.int32))
    assert "cuts off by a row" not in [fault.name for fault in find_faults(right)]


def test_a_sensor_that_stops_while_others_go_on_is_found(clean: Demonstrations) -> None:
    start = 2 * 41
    clean.obs[start + 6 : start + 12, 3] = clean.obs[start + 5, 3]
    fault = only(find_faults(clean))
    assert (fault.name, fault.places) == ("obs stand still", (Place(2, 6, 3),))
    assert "6 steps" in str(fault)


def test_a_sensor_at_the_end_of_its_range_did_not_stop(clean: Demonstrations) -> None:
    start = 2 * 41
    clean.obs[start + 6 : start + 12, 3] = clean.obs[:, 3].max() + 1.0
    assert find_faults(clean) == ()


def test_an_episode_that_comes_again_is_found(clean: Demonstrations) -> None:
    again = concatenate([clean, clean.take(np.asarray([2]))])
    fault = only(find_faults(again))
    assert (fault.name, fault.places) == ("episodes identical to an earlier one", (Place(12),))
    again.actions[-1, 0] += 0.01
    assert find_faults(again) == ()


@pytest.mark.parametrize("name", ["obs", "actions", "rewards", "terminated", "truncated"])
def test_numbers_of_rows_that_disagree_are_all_that_is_said(name: str, clean: Demonstrations) -> None:
    clean.obs[0] = np.nan
    fault = only(find_faults(replaced(clean, **{name: getattr(clean, name)[:-1]})))
    assert fault.name == "arrays disagree"
    assert name in str(fault)


def test_an_empty_episode_is_found(clean: Demonstrations) -> None:
    lengths = clean.lengths.copy()
    lengths[:2] = (80, 0)
    fault = only(find_faults(replaced(clean, lengths=lengths)))
    assert "Every episode must have at least one step, got 0 in episode 1" in str(fault)


def test_no_episodes_at_all_is_found(clean: Demonstrations) -> None:
    names = ("obs", "actions", "rewards", "terminated", "truncated", "lengths")
    empty = replaced(clean, **{name: getattr(clean, name)[:0] for name in names})
    assert only(find_faults(empty)).name == "no episodes"


def test_another_space_than_that_of_the_rows_is_found(clean: Demonstrations) -> None:
    spaces = clean.spaces
    narrow = Spaces(observation=Box.symmetric((1.0,) * 3), action=spaces.action)
    assert "must be rows of float32[3], got float32[4]" in str(only(find_faults(replaced(clean, spaces=narrow))))
    choices = Spaces(observation=spaces.observation, action=Discrete(size=3))
    assert "must be rows of int32[], got float32[2]" in str(only(find_faults(replaced(clean, spaces=choices))))
