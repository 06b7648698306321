"""Observations that stand still from one step to the next: sensors that froze, frames recorded twice, pauses."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from ilkit.curating.columns import column_ends
from ilkit.curating.fault import FIRST, Fault, Place, num_episodes_of, places_of
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box
from ilkit.errors import counted

_BLOCK = 32
_LIVELY = 0.95
"""The share of steps at which an entry has to change before standing still is strange."""
_STILL = 5
"""How many steps in a row such an entry must stand still."""
_FROZEN = "A frozen sensor or a doubled frame, unless the system is at rest there: leave the steps out."
_PAUSE = "Nothing was done and nothing moved, as where a person rests: leave the steps out, or policies learn to rest."


class _Runs(NamedTuple):
    starts: Int[np.ndarray, " runs"]
    """The row at which each run begins, the first that is repeated."""
    lengths: Int[np.ndarray, " runs"]
    """How many times the row is repeated."""


def repeat_faults(demos: Demonstrations) -> tuple[Fault, ...]:
    """Whole observations that are repeated, and single entries that stop among others that go on."""
    counts = demos.lengths + 1
    inside = np.ones(len(demos.obs) - 1, bool)
    stops = np.cumsum(counts, dtype=np.int64)
    inside[stops[:-1] - 1] = False
    idle = inside.copy()
    idle[inside] = _zero_actions(demos)
    low, high = column_ends(demos.obs)
    frozen = inside.copy()
    for start in range(0, demos.obs.shape[1], _BLOCK):
        frozen &= _same(demos.obs[:, start : start + _BLOCK]).all(axis=1)
    if frozen[stops - 2].all():  # not a sensor: the observation after the last action was missing, and repeated
        frozen[stops - 2] = inside[stops - 2] = False
    return (
        *_whole("obs repeated", _FROZEN, frozen & ~idle, counts),
        *_whole("pause", _PAUSE, frozen & idle, counts),
        *_entries(demos, inside & ~frozen, counts, low, high),
    )


def _zero_actions(demos: Demonstrations) -> Bool[np.ndarray, " steps"]:
    """Where nothing was done; the number 0 of a discrete action is one like the others."""
    if not isinstance(demos.spaces.action, Box):
        return np.zeros(demos.num_steps, bool)
    zero: np.ndarray = (demos.actions == 0).all(axis=tuple(range(1, demos.actions.ndim)))
    return zero


def _whole(name: str, remedy: str, still: Bool[np.ndarray, " pairs"], counts: np.ndarray) -> Iterator[Fault]:
    """At most one fault: whole observations that are repeated."""
    runs = _runs_of(still)
    if not len(runs.starts):
        return
    rows = np.flatnonzero(still)
    longest = int(np.argmax(runs.lengths))
    where = places_of(runs.starts[longest : longest + 1], counts)[0]
    told = (
        f"{counted(len(rows), 'step')} in {counted(len(runs.starts), 'run')} of "
        f"{counted(num_episodes_of(rows, counts), 'episode')}, the longest of "
        f"{counted(int(runs.lengths[longest]), 'step')} at {where}"
    )
    yield Fault(name, len(rows), told, places_of(runs.starts + 1, counts), remedy)


def _entries(
    demos: Demonstrations, pairs: Bool[np.ndarray, " pairs"], counts: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Iterator[Fault]:
    """Entries that nearly always change but stop for a while, and not at an end of their range."""
    stopped: list[tuple[int, _Runs]] = []
    for start in range(0, demos.obs.shape[1], _BLOCK):
        block = demos.obs[:, start : start + _BLOCK]
        same = _same(block) & pairs[:, None]
        changing = np.count_nonzero(same, axis=0) < (1 - _LIVELY) * max(int(np.count_nonzero(pairs)), 1)
        for dim in np.flatnonzero(changing & same.any(axis=0)):
            column = block[1:, dim]
            still = same[:, dim] & (column != low[start + dim]) & (column != high[start + dim])
            runs = _runs_of(still)
            long = runs.lengths >= _STILL
            if long.any():
                stopped.append((start + int(dim), _Runs(runs.starts[long], runs.lengths[long])))
    if stopped:
        steps = sum(int(runs.lengths.sum()) for _, runs in stopped)
        longest = max(int(runs.lengths.max()) for _, runs in stopped)
        told = f"{counted(len(stopped), 'dimension')} for {counted(steps, 'step')} in all, at most {longest:,} in a row"
        places = [
            Place(at.episode, at.step, dim) for dim, runs in stopped for at in places_of(runs.starts[:1] + 1, counts)
        ]
        remedy = "Nearly always they change: a sensor froze. Leave these episodes out."
        yield Fault("obs stand still", steps, told, tuple(places[:FIRST]), remedy)


def _same(block: np.ndarray) -> Bool[np.ndarray, "pairs dims"]:
    same: np.ndarray = block[1:] == block[:-1]
    return same


def _runs_of(mask: Bool[np.ndarray, " pairs"]) -> _Runs:
    edges = np.diff(mask.astype(np.int8), prepend=0, append=0)
    starts = np.flatnonzero(edges == 1)
    return _Runs(starts, np.flatnonzero(edges == -1) - starts)
