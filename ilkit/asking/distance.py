"""How different two clips are."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ilkit.asking.stretches import Stretches
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Dict

_CHUNK = 1 << 22
"""How many numbers are compared at a time."""


class _Entries(NamedTuple):
    """What is seen and done in each step."""

    numbers: Float[np.ndarray, "steps numbers"]
    """In units of their standard deviation over all steps."""
    choices: Int[np.ndarray, "steps choices"]


Distance = Callable[[Int[np.ndarray, "pairs 2"]], Float[np.ndarray, " pairs"]]
"""How different the clips of pairs are."""


def distance_of(demos: Demonstrations, stretches: Stretches) -> Distance:
    """The root of the mean square of what differs, step by step, between observations and actions of two clips.

    Numbers are in units of their standard deviation over all steps; two choices that aren't the same, and a step that
    only one of both has, differ by 1.
    """
    return partial(_distances, _entries(demos), stretches)


def _distances(
    entries: _Entries, stretches: Stretches, pairs: Int[np.ndarray, "pairs 2"]
) -> Float[np.ndarray, " pairs"]:
    size = max(1, _CHUNK // (entries.numbers.shape[1] + entries.choices.shape[1]))
    parts = [_chunk(entries, stretches, pairs[start : start + size]) for start in range(0, len(pairs), size)]
    return np.concatenate(parts)


def _chunk(entries: _Entries, stretches: Stretches, pairs: Int[np.ndarray, "pairs 2"]) -> Float[np.ndarray, " pairs"]:
    rows, lengths = stretches.rows[pairs], stretches.lengths[pairs]
    longest, common = lengths.max(axis=1), lengths.min(axis=1)
    total = (longest - common).astype(np.float64)
    width = entries.numbers.shape[1] + entries.choices.shape[1]
    for step in range(int(common.max())):
        there = np.flatnonzero(step < common)
        first, second = rows[there, 0] + step, rows[there, 1] + step
        squares = np.sum((entries.numbers[first] - entries.numbers[second]) ** 2, axis=1, dtype=np.float64)
        others = np.sum(entries.choices[first] != entries.choices[second], axis=1)
        total[there] += (squares + others) / width
    return np.sqrt(total / longest)


def _entries(demos: Demonstrations) -> _Entries:
    observation, seen = demos.spaces.observation, demos.before()
    spaces = dict(observation.entries) if isinstance(observation, Dict) else {"": observation}
    columns = [(space, seen[name] if name else seen) for name, space in spaces.items()]
    columns.append((demos.spaces.action, demos.taken))
    flat = [(isinstance(space, Box), rows.reshape(len(rows), -1)) for space, rows in columns]
    none = np.zeros((demos.num_steps, 0))
    numbers = np.concatenate([none, *(rows for is_box, rows in flat if is_box)], axis=1).astype(np.float32)
    choices = np.concatenate([none, *(rows for is_box, rows in flat if not is_box)], axis=1).astype(np.int64)
    spread = numbers.std(axis=0)
    return _Entries(numbers / np.where(spread > 0, spread, 1.0), choices)
