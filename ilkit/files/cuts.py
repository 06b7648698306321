"""Cuts between episodes that are off by one row: a jump inside of an episode, and none where it is cut."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from ilkit.files.recording import Columns, Source

_JUMP = 10.0
"""How many times larger than a usual change a jump is."""
_SMOOTH = 3.0
"""How many times larger a change may be that is none."""
_SHARE = 0.9
"""The share of the cuts that must be off."""
_FEWEST = 2
"""The least number of cuts that can tell something."""
_SHORTEST = 3
"""The least number of rows of the episodes on both sides."""


class OffCuts(NamedTuple):
    """Cuts between episodes of which nearly all are off by one row, in the same direction."""

    num_off: int
    num_cuts: int
    late: bool

    def __str__(self) -> str:
        side = "before" if self.late else "after"
        late, early = "late: its last row is the first of the one after", "early: its first row is the last of the one"
        told = late if self.late else f"{early} before"
        return (
            f"observations go on smoothly across {self.num_off} of {self.num_cuts} cuts between episodes, and jump one "
            f"row {side} them. Each episode seems cut one row {told}."
        )


def note_cuts(obs: Columns, lengths: Int[np.ndarray, " episodes"], source: Source) -> None:
    """Says where observations jump one row before or after nearly every cut, instead of at it."""
    if off := off_cuts(obs, lengths):
        source.note(f"{source.path}: {off} Flags of first steps, not of last ones, are named by `starts`.")


def off_cuts(obs: Columns, lengths: Int[np.ndarray, " episodes"]) -> OffCuts | None:
    """Whether observations of so many rows an episode jump one row before or after nearly every cut."""
    enough = (lengths[:-1] >= _SHORTEST) & (lengths[1:] >= _SHORTEST)
    stops = np.cumsum(lengths)[:-1][enough]  # each the first row of an episode
    rows = [column.reshape(len(column), -1) for column in jax.tree.leaves(obs) if _is_vector(column)]
    if len(stops) < _FEWEST or not rows:
        return None
    change = _changes(np.concatenate(rows, axis=1))
    smooth = change[stops - 1] < _SMOOTH
    for by in (-1, 1):
        off = smooth & (change[stops - 1 + by] > _JUMP)
        if off.mean() >= _SHARE:
            return OffCuts(int(off.sum()), len(stops), late=by < 0)
    return None


def misplaced(apart: Int[np.ndarray, " rows"], length: int) -> str:
    """What next observations tell that don't follow only at the second, or only at the last row of an episode."""
    if len(apart) == 1 and length > 2 and apart[0] in (0, length - 2):
        late = apart[0] > 0
        return (
            f"Only its {'last' if late else 'first'} row is apart: is the cut one row {'late' if late else 'early'}? "
            "Flags of first steps are named by `starts`."
        )
    return ""


def _is_vector(column: np.ndarray) -> bool:
    return column.dtype.kind in "fiub" and column.ndim < 3 and column.size > 0


def _changes(rows: np.ndarray) -> Float[np.ndarray, " pairs"]:
    """How far each row is from the next: the mean over the entries, each in units of its median change; 1 is usual."""
    with np.errstate(all="ignore"):
        by = np.abs(np.diff(rows.astype(np.float64), axis=0))
        typical = np.median(by, axis=0)
        change = np.nan_to_num(by[:, typical > 0] / typical[typical > 0], nan=0.0).sum(axis=1)
        usual: np.ndarray = np.nan_to_num(change / np.median(change), nan=0.0)
    return usual
