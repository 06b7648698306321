"""Stretches of episodes that may be shown as clips, by their numbers."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError


class Stretches(NamedTuple):
    """Where clips begin, and how many steps they have."""

    rows: Int[np.ndarray, " clips"]
    """The first step of each."""
    lengths: Int[np.ndarray, " clips"]

    def take(self, numbers: Int[np.ndarray, "*chosen"]) -> "Stretches":
        """Those of these numbers."""
        return Stretches(self.rows[numbers], self.lengths[numbers])


def stretches_of(demos: Demonstrations, length: int | None, *, at: str) -> Stretches:
    """All stretches of `length` steps of one episode, or the whole episodes where there is none.

    An episode that was terminated before so many steps is one as it is: that it ended is what there is to see. One that
    was cut before is left out.

    **Raises:** `DataError` where there is none; `at` is the setting that says the length.
    """
    if length is None:
        return Stretches(demos.starts, demos.lengths.astype(np.int64))
    counts = np.where(demos.lengths >= length, demos.lengths - length + 1, demos.terminated.astype(np.int64))
    if not counts.sum():
        raise DataError(
            f"{at} must be at most the longest episode's {demos.lengths.max()} steps, got {length}. Shorten the clips, "
            "or set it to null for whole episodes."
        )
    before = np.cumsum(counts) - counts
    rows = np.repeat(demos.starts - before, counts) + np.arange(counts.sum())
    return Stretches(rows, np.repeat(np.minimum(demos.lengths, length).astype(np.int64), counts))
