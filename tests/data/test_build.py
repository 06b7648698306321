"""A part leaves out what its declaration says is optional, and nothing else."""

from typing import Any

import numpy as np
import pytest

from ilkit.data.build import Build
from ilkit.data.spaces import Box, Spaces
from ilkit.registry.find import find
from ilkit.stepping.behavior import Behavior

_OBSERVED = Box(shape=(2,), low=-1.0, high=1.0)
SPACES = Spaces(observation=_OBSERVED, action=Box(shape=(1,), low=-1.0, high=1.0))


@pytest.fixture
def steady() -> Build[Any]:
    """An exploration that takes no uncertainty."""
    component = find("exploration", "isotropic")
    return component.build(component.spec(), ())


def test_an_optional_input_that_the_function_does_not_take_is_left_out(steady: Build[Any]) -> None:
    assert isinstance(steady(SPACES, uncertainty=None), Behavior)


@pytest.mark.parametrize("wrong", ["uncertianty", "inner", "key"])
def test_any_other_name_that_the_function_does_not_take_is_named(steady: Build[Any], wrong: str) -> None:
    with pytest.raises(TypeError, match=f"'{wrong}'"):
        steady(SPACES, **{wrong: np.zeros(1)})


def test_a_part_is_equal_and_hashed_by_value(steady: Build[Any]) -> None:
    component = find("exploration", "isotropic")
    again = component.build(component.spec(), ())
    assert again == steady
    assert hash(again) == hash(steady)
