"""Spaces: one number for shared limits, round trips, and what is compared."""

import numpy as np
import pytest
from pydantic import ValidationError

from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Spaces, check_spaces, element, zeros
from ilkit.errors import DataError

PICTURE = Box(shape=(96, 96, 3), low=0.0, high=255.0, dtype="uint8")
MIXED = Dict(entries={"picture": PICTURE, "arm": Box(low=(-1.0, -2.0), high=(1.0, np.inf)), "mode": Discrete(size=3)})


def spaces(observation, action=Box.symmetric((1.0,))) -> Spaces:
    return Spaces(observation=observation, action=action)


def test_limits_that_all_entries_share_are_one_number_however_they_are_given() -> None:
    assert Box.symmetric((2.0, 2.0)) == Box(shape=(2,), low=-2.0, high=2.0)
    assert Box(low=(0.0, 1.0), high=(2.0, 2.0)).high == 2.0
    np.testing.assert_array_equal(Box(low=(0.0, 1.0), high=(2.0, 2.0)).bounds, [[0.0, 1.0], [2.0, 2.0]])
    assert len(PICTURE.model_dump_json()) < 100


def test_as_many_limits_as_entries_are_needed() -> None:
    with pytest.raises(ValidationError, match=r"shape \(2, 2\) has 4 limits"):
        Box(shape=(2, 2), low=(0.0, 1.0), high=1.0)


@pytest.mark.parametrize("space", [PICTURE, MIXED, MultiDiscrete(sizes=(2, 3)), Discrete(size=4, start=1)])
def test_spaces_survive_json_and_are_hashable(space) -> None:
    read = Spaces.model_validate_json(spaces(space).model_dump_json())
    assert read == spaces(space)
    assert hash(read) == hash(spaces(space))


def test_entries_are_sorted_by_name_and_elements_have_their_types() -> None:
    assert [name for name, _ in MIXED.entries] == ["arm", "mode", "picture"]
    assert MIXED.size == 2 + 3 + PICTURE.size
    found = element(MIXED, {"picture": np.zeros((96, 96, 3)), "mode": np.int64(2), "arm": [0.5, 1.0]})
    rows = zeros(MIXED, 5)
    assert {name: (rows[name].shape, rows[name].dtype) for name in rows} == {
        name: ((5, *value.shape), value.dtype) for name, value in found.items()
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Box.symmetric((1.0, 1.0)), Box.symmetric((1.0,) * 3)),
        (Box(shape=(2, 2), low=0.0, high=1.0), Box(shape=(4,), low=0.0, high=1.0)),
        (PICTURE, Box(shape=(96, 96, 3), low=0.0, high=255.0)),
        (Discrete(size=3), Discrete(size=3, start=1)),
        (Dict(entries={"a": Discrete(size=2)}), Dict(entries={"b": Discrete(size=2)})),
        (Dict(entries={"a": Discrete(size=2)}), Discrete(size=2)),
    ],
)
def test_names_shapes_types_and_numberings_are_compared(one, other) -> None:
    check_spaces(spaces(one), spaces(one))
    with pytest.raises(DataError, match="observations must be those of the environment"):
        check_spaces(spaces(one), spaces(other))


def test_bounds_are_not_compared() -> None:
    check_spaces(spaces(Box.symmetric((1.0,))), spaces(Box.symmetric((np.inf,))))
