"""Recordings put together: every episode once, in their order, and only of one environment."""

import jax
import numpy as np
import pytest

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError
from ilkit.join.episodes import Episodes, join
from ilkit.testing.problems import demonstrations

KEY = jax.random.key(0)


def test_recordings_follow_each_other() -> None:
    first, second = demonstrations(3, "continuous"), demonstrations(5, "continuous")
    together = join(Episodes(), second=second, first=first, key=KEY)
    assert together.num_episodes == 8
    np.testing.assert_array_equal(together.obs, np.concatenate([second.obs, first.obs]))
    np.testing.assert_array_equal(together.take(np.arange(5, 8)).actions, first.actions)


def test_recordings_of_other_spaces_are_refused() -> None:
    recorded = {"one": demonstrations(3, "continuous"), "other": demonstrations(3, "discrete")}
    with pytest.raises(DataError, match=r"of other differ .* actions are box of size 2, got discrete of size 3\."):
        join(Episodes(), **recorded, key=KEY)


def test_nothing_to_put_together_is_refused() -> None:
    nothing: dict[str, Demonstrations] = {}
    with pytest.raises(DataError, match=r"stages\.join needs recordings"):
        join(Episodes(), **nothing, key=KEY)
