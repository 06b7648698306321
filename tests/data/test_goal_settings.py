"""Which entries of an observation are a goal: taken apart, or told why not."""

from typing import Any

import numpy as np
import pytest

from ilkit.data.goal_entries import ACHIEVED, DESIRED, goal_faults
from ilkit.data.goal_settings import Goal
from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space

VECTOR = Box(low=(0.0, 1.0, 2.0, 3.0, 4.0), high=(10.0, 11.0, 12.0, 13.0, 14.0))
PICTURE = Box(shape=(4, 4, 3), low=0.0, high=255.0, dtype="uint8")
NAMED = Dict(entries={"arm": Box.symmetric((1.0, 2.0)), "block": Box.symmetric((3.0,)), "camera": PICTURE})


def parts(space: Space, obs: Any, **settings: Any) -> Any:
    goal = Goal(**settings)
    assert list(goal.faults(space)) == []
    assert goal_faults(goal.space(space)) == ()
    return goal.parts(space, obs)


def test_entries_of_a_vector_are_achieved_and_those_of_the_goal_are_taken_out() -> None:
    rows = np.arange(15, dtype=np.float32).reshape(3, 5)
    rest, achieved, desired = parts(VECTOR, rows, achieved=(3, 1), desired=(2, 4))
    np.testing.assert_array_equal(rest["observation"], rows[:, [0, 1, 3]])
    np.testing.assert_array_equal(achieved, rows[:, [3, 1]])
    np.testing.assert_array_equal(desired, rows[:, [2, 4]])
    one = Box(low=(3.0, 1.0), high=(13.0, 11.0))
    space = dict(Goal(achieved=(3, 1), desired=(2, 4)).space(VECTOR).entries)
    assert space == {
        "observation": Box(low=(0.0, 1.0, 3.0), high=(10.0, 11.0, 13.0)),
        ACHIEVED: one,
        DESIRED: Box(low=(2.0, 4.0), high=(12.0, 14.0)),
    }
    assert dict(Goal(achieved=(3, 1)).space(VECTOR).entries) == {"observation": VECTOR, ACHIEVED: one, DESIRED: one}


@pytest.mark.parametrize("space", [VECTOR, PICTURE, Discrete(size=3), MultiDiscrete(sizes=(2, 3))])
def test_all_of_it_is_achieved_where_nothing_is_named(space: Space) -> None:
    assert Goal().space(space) == Dict(entries={"observation": space, ACHIEVED: space, DESIRED: space})  # type: ignore[arg-type]
    rows = np.zeros((2, *space.shape), space.dtype)  # type: ignore[union-attr]
    rest, achieved, desired = parts(space, rows)
    np.testing.assert_array_equal(achieved, rest["observation"])
    assert desired is None


def test_entries_of_a_dictionary_are_named_and_stand_side_by_side() -> None:
    obs = {"arm": np.ones((3, 2)), "block": np.zeros((3, 1)), "camera": np.zeros((3, 4, 4, 3), np.uint8)}
    rest, achieved, desired = parts(NAMED, obs, achieved=("block", "arm"))
    assert list(rest) == ["arm", "block", "camera"]
    np.testing.assert_array_equal(achieved, [[0.0, 1.0, 1.0]] * 3)
    assert desired is None
    assert dict(Goal(achieved=("block", "arm")).space(NAMED).entries)[ACHIEVED] == Box.symmetric((3.0, 1.0, 2.0))
    assert parts(NAMED, obs, achieved=("camera",)).achieved is obs["camera"]


def test_a_goal_that_is_observed_already_stays() -> None:
    told = Dict(entries={"place": Box.symmetric((1.0, 2.0)), DESIRED: Box.symmetric((1.0, 2.0))})
    obs = {"place": np.ones((1, 2)), DESIRED: np.zeros((1, 2))}
    rest, achieved, desired = parts(told, obs, achieved=("place",))
    assert list(rest) == ["place"]
    assert achieved is obs["place"]
    assert desired is obs[DESIRED]
    whole = Goal(achieved=("place",)).space(told)
    assert Goal(tolerance=1.0).space(whole) == whole
    assert parts(whole, {**obs, ACHIEVED: obs["place"]}).desired is obs[DESIRED]


TOLD = Dict(entries={"place": Box.symmetric((1.0, 2.0)), DESIRED: Box.symmetric((1.0, 2.0))})


@pytest.mark.parametrize(
    ("space", "settings", "fault"),
    [
        (VECTOR, {"achieved": (0, 5)}, "achieved: must be numbers of 5 entries, from 0, got 5"),
        (VECTOR, {"achieved": ("x",)}, "achieved: must be numbers of 5 entries, from 0, got 'x'"),
        (VECTOR, {"achieved": (1, 0, 1)}, "achieved: must name each entry once, got 1 twice"),
        (VECTOR, {"achieved": (0, 1), "desired": (1, 2)}, "achieved: must be other entries than the goal's, got 1"),
        (
            VECTOR,
            {"achieved": (0, 1), "desired": (2,)},
            "desired: must be like what is achieved, box of size 2, got box",
        ),
        (VECTOR, {"desired": (0, 1, 2, 3, 4)}, "desired: must be like what is achieved, box of size 0"),
        (PICTURE, {"achieved": (0,)}, "achieved: must be left out where observations are no vectors, got box of shape"),
        (NAMED, {}, "achieved: must name entries of the dictionary that is observed, arm, block, camera, got none"),
        (NAMED, {"achieved": (0,)}, "achieved: must be among arm, block, camera, got 0"),
        (
            NAMED,
            {"achieved": ("arm", "camera")},
            "achieved: several entries must be vectors, got box of shape (4, 4, 3)",
        ),
        (TOLD, {"achieved": (DESIRED,)}, "achieved: must be other entries than the goal's, got 'desired_goal'"),
        (TOLD, {"achieved": ("place",), "desired": ("place",)}, "desired: must be left out where desired_goal is"),
    ],
)
def test_what_is_no_goal_is_told_why(space: Space, settings: dict[str, Any], fault: str) -> None:
    found = next(iter(Goal(**settings).faults(space)))
    assert found.startswith(fault)
