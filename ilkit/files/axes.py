"""Arrays of two leading axes: (episodes, steps, …), or (steps, environments, …) as vector environments keep them."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from ilkit.errors import DataError
from ilkit.files.recording import Columns
from ilkit.files.steps import Steps

Axis = Literal["episodes", "steps"]
_FLAGS = ("terminated", "truncated")
_FOLLOW = 0.5
"""The share of next observations that must be where a reading of the axes says."""


class Rows(NamedTuple):
    """Steps, one a row, with the flags of their ends, and the rows of each episode or environment."""

    steps: Steps
    truncated: np.ndarray | None
    starts: np.ndarray | None
    lengths: Int[np.ndarray, " rows"]


def has_two_axes(steps: Steps, flags: np.ndarray | None) -> bool:
    """Whether there is one more axis before the entries than that of the steps."""
    if isinstance(steps.obs, dict) or steps.obs.ndim < 3 or steps.actions.ndim < 2:
        return False
    beside = [one for one in (steps.rewards, steps.terminated, flags) if one is not None]
    pairs = [one for one in beside if one.ndim > 1 and one.shape[:2] == steps.actions.shape[:2] and one.shape[1] > 1]
    return steps.actions.ndim == 3 or bool(pairs)


def flattened(
    steps: Steps, truncated: np.ndarray | None, starts: np.ndarray | None, axis: Axis | None, path: Path
) -> Rows:
    """The steps as rows, those of one episode or environment one after the other.

    **Raises:** `DataError` where the shapes disagree, or nothing says which axis is which.
    """
    axis = axis or _first_axis(steps, truncated, starts, path)
    leading = steps.actions.shape[:2]
    columns: dict[str, Any] = {**steps._asdict(), "truncated": truncated, "starts": starts}
    for name, column in columns.items():
        if column is None or (axis == "episodes" and name in _FLAGS and column.shape == leading[:1]):
            continue
        more = 1 if name == "obs" else 0
        along = 0 if axis == "steps" else 1
        wanted = [leading, tuple(length + more * (index == along) for index, length in enumerate(leading))]
        if column.ndim < 2 or column.shape[:2] not in wanted:
            raise DataError(f"{path}: {name} must have the shape ({leading[0]}, {leading[1]}, …), got {column.shape}.")
        rows = column if axis == "episodes" else column.swapaxes(0, 1)
        columns[name] = rows.reshape(-1, *rows.shape[2:])
    num_rows, length = leading if axis == "episodes" else leading[::-1]
    marks, first = columns.pop("truncated"), columns.pop("starts")
    return Rows(Steps(**columns), marks, first, np.full(num_rows, length))


def _first_axis(steps: Steps, truncated: np.ndarray | None, starts: np.ndarray | None, path: Path) -> Axis:
    votes = {*_by_length(steps), *_by_flags(steps, truncated), *_by_starts(starts), *_by_following(steps)}
    if len(votes) == 1:
        return votes.pop()
    one, other = steps.actions.shape[:2]
    raise DataError(
        f"{path}: arrays of shape ({one}, {other}, …) are {one} episodes of {other} steps each, or {one} steps of "
        f"{other} environments side by side, and {'flags disagree' if votes else 'nothing there tells'} which. "
        "Set axis: episodes or axis: steps, for what the first one is."
    )


def _by_length(steps: Steps) -> set[Axis]:
    (one, other), seen = steps.actions.shape[:2], _array(steps.obs).shape[:2]
    found: dict[tuple[int, ...], Axis] = {(one, other + 1): "episodes", (one + 1, other): "steps"}
    return {found[seen]} if seen in found else set()


def _by_flags(steps: Steps, truncated: np.ndarray | None) -> set[Axis]:
    """Flags of episodes stand at the ends of rows; those of environments anywhere along the columns."""
    leading = steps.actions.shape[:2]
    flags = [one for one in (steps.terminated, truncated) if one is not None]
    if any(one.shape == leading[:1] for one in flags):
        return {"episodes"}
    marks = [one.reshape(leading) != 0 for one in flags if one.size == leading[0] * leading[1]]
    if not marks:
        return set()
    ends = np.logical_or.reduce(marks)
    inside_rows, inside_columns = bool(ends[:, :-1].any()), bool(ends[:-1].any())
    if inside_rows == inside_columns:  # an episode that is padded has flags inside, but no second after a gap
        gaps = (np.diff(ends.astype(np.int8), axis=1, prepend=0) == 1).sum(axis=1) > 1
        return {"steps"} if gaps.any() else set()
    return {"steps"} if inside_rows else {"episodes"}


def _by_starts(starts: np.ndarray | None) -> set[Axis]:
    if starts is None or starts.ndim < 2:
        return set()
    marks = starts != 0
    rows, columns = bool(marks[:, 0].all()), bool(marks[0].all())
    return {"episodes"} if rows and not columns else {"steps"} if columns and not rows else set()


def _by_following(steps: Steps) -> set[Axis]:
    obs, after = _array(steps.obs), steps.next_obs
    if not isinstance(after, np.ndarray) or after.shape != obs.shape or min(obs.shape[:2]) < 2:
        return set()
    with np.errstate(all="ignore"):
        along = np.isclose(after[:, :-1], obs[:, 1:], rtol=1e-4, atol=1e-4).mean()
        across = np.isclose(after[:-1], obs[1:], rtol=1e-4, atol=1e-4).mean()
    if along > _FOLLOW and across > _FOLLOW:
        return set()
    return {"episodes"} if along > _FOLLOW else {"steps"} if across > _FOLLOW else set()


def _array(obs: Columns) -> np.ndarray:
    assert isinstance(obs, np.ndarray), "dictionaries have one leading axis"
    return obs
