"""What a check has found: one line for each kind of defect, however many rows have it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

FIRST = 3
"""How many places a finding names."""


class Place(NamedTuple):
    """Where something is: an episode, a step of it from 0, an entry of its vector."""

    episode: int | None = None
    step: int | None = None
    dimension: int | None = None

    def __str__(self) -> str:
        named = zip(("episode", "step", "dimension"), self, strict=True)
        return " ".join(f"{name} {number}" for name, number in named if number is not None)


class Fault(NamedTuple):
    """A kind of defect and how often it occurs."""

    name: str
    """What is wrong, in a few words; the same for every data set."""
    occurrences: int
    """How many rows, episodes or dimensions have it."""
    told: str
    """The count in words, with what belongs to it."""
    places: tuple[Place, ...] = ()
    """The first places."""
    remedy: str = ""

    def __str__(self) -> str:
        more = ", ..." if self.occurrences > len(self.places) else ""
        where = f" ({', '.join(map(str, self.places))}{more})" if self.places else ""
        return " ".join(filter(None, [f"{self.name}: {self.told}{where}.", self.remedy]))


def places_of(
    rows: Int[np.ndarray, " rows"], counts: Int[np.ndarray, " episodes"], dimensions: np.ndarray | None = None
) -> tuple[Place, ...]:
    """The first places of flat rows, where every episode has `counts` of them."""
    first = rows[:FIRST]
    stops = np.cumsum(counts, dtype=np.int64)
    episodes = np.searchsorted(stops, first, side="right")
    steps = first - (stops[episodes] - counts[episodes])
    named = [None] * len(first) if dimensions is None else dimensions[:FIRST].tolist()
    return tuple(Place(int(one), int(step), dim) for one, step, dim in zip(episodes, steps, named, strict=True))


def num_episodes_of(rows: Int[np.ndarray, " rows"], counts: Int[np.ndarray, " episodes"]) -> int:
    """How many episodes the rows, in ascending order, belong to."""
    episodes = np.searchsorted(np.cumsum(counts, dtype=np.int64), rows, side="right")
    return int(len(episodes) and 1 + np.count_nonzero(np.diff(episodes)))
