"""Whether lengths, rows and spaces of demonstrations agree: what every other look at them relies on."""

from collections.abc import Iterator

import numpy as np

from ilkit.curating.fault import Fault, Place, counted
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import vectors


def structure_faults(demos: Demonstrations) -> tuple[Fault, ...]:
    """Lengths, numbers of rows, shapes and types that disagree."""
    return (*_lengths(demos), *_rows(demos), *_shapes(demos))


def _lengths(demos: Demonstrations) -> Iterator[Fault]:
    if not len(demos.lengths):
        yield Fault("no episodes", 1, "lengths is empty", (), "Record at least one.")
    empty = np.flatnonzero(demos.lengths < 1)
    if len(empty):
        told = f"{counted(len(empty), 'episode')} with a length below 1"
        yield Fault("empty episodes", len(empty), told, tuple(Place(int(one)) for one in empty[:3]), "Leave them out.")


def _rows(demos: Demonstrations) -> Iterator[Fault]:
    episodes, steps = len(demos.lengths), int(demos.lengths.sum(dtype=np.int64))
    for name, expected, rule in (
        ("obs", steps + episodes, "one more than actions in every episode"),
        ("actions", steps, "the sum of lengths"),
        ("rewards", steps, "the sum of lengths"),
        ("terminated", episodes, "one an episode"),
        ("truncated", episodes, "one an episode"),
    ):
        got = len(getattr(demos, name))
        if got != expected:
            told = f"{name} must have {expected:,} rows ({rule}), got {got:,}"
            yield Fault("lengths disagree", abs(got - expected), told, (), "Import the source again.")


def _shapes(demos: Demonstrations) -> Iterator[Fault]:
    for name, space in (("obs", vectors(demos.spaces.observation, "A check")), ("actions", demos.spaces.action)):
        rows = getattr(demos, name)
        wanted, got = (space.shape, np.dtype(space.dtype).kind), (rows.shape[1:], rows.dtype.kind)
        if wanted != got:
            told = f"{name} must be rows of {space.dtype}{list(space.shape)}, got {rows.dtype}{list(rows.shape[1:])}"
            yield Fault("space disagrees", 1, told, (), "Give the space that they were recorded in.")
