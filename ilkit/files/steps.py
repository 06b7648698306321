"""Recordings of T observations and T actions an episode: where they are cut and how they end."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Int

from ilkit.errors import DataError, counted
from ilkit.files.cuts import misplaced, note_cuts
from ilkit.files.recording import Columns, Episode, Source


class Steps(NamedTuple):
    """Rows of all episodes, one a step, as they were recorded."""

    obs: Columns
    next_obs: Columns | None
    actions: np.ndarray
    rewards: np.ndarray | None
    terminated: np.ndarray | None


def episodes_of(steps: Steps, lengths: Int[np.ndarray, " episodes"], source: Source) -> Iterator[Callable[[], Episode]]:
    """Cuts the rows into episodes of these lengths.

    **Raises:** `DataError` where a column has other than the sum of the lengths as rows.
    """
    check_rows(steps, int(lengths.sum()), source.path)
    if steps.next_obs is None:
        note_missing(source)
        note_cuts(steps.obs, lengths, source)
    stops = np.cumsum(lengths)
    for number, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        yield partial(_episode, number, steps, slice(start, stop), source)


def ended(name: str, steps: Steps, source: Source) -> Episode:
    """The episode of these rows, with the observation after its last action as is wanted.

    **Raises:** `DataError` where the next observations aren't those that follow.
    """
    obs, next_obs, actions, rewards, flags = steps
    terminated = flags is not None and len(flags) > 0 and bool(flags[-1])
    if len(actions) == 0 or any(len(column) != len(actions) for column in jax.tree.leaves(obs)):
        return Episode(name, obs, actions, rewards, terminated)  # refused where episodes are checked
    if next_obs is not None:
        if _names(obs) != _names(next_obs):
            raise DataError(f"{source.path}, {name}: next observations must have the names of the observations.")
        jax.tree.map(lambda seen, after: _check_follow(name, seen, after, source.path), obs, next_obs)
        return Episode(name, _with_last(obs, next_obs), actions, rewards, terminated)
    if source.wanted.final_obs == "repeat":
        return Episode(name, _with_last(obs, obs), actions, rewards, terminated)
    return Episode(name, obs, actions[:-1], None if rewards is None else rewards[:-1], False)


def lengths_of(ends: Bool[np.ndarray, " steps"], source: Source) -> Int[np.ndarray, " episodes"]:
    """The lengths of episodes that end where a row is marked; what follows the last mark is an episode of its own."""
    stops = np.flatnonzero(ends) + 1
    if len(ends) and not ends[-1]:
        start = int(stops[-1]) if len(stops) else 0
        source.note(
            f"{source.path}: the last episode, {len(stops)} from step {start}, has no end: "
            f"{counted(len(ends) - start, 'step')} of it are taken as truncated."
        )
        stops = np.append(stops, len(ends))
    return np.diff(stops, prepend=0)


def check_rows(steps: Steps, rows: int, path: Path) -> None:
    """Checks that every column has this number of rows.

    **Raises:** `DataError`.
    """
    for name, columns in steps._asdict().items():
        for column in jax.tree.leaves(columns):
            if column.ndim == 0 or len(column) != rows:
                got = len(column) if column.ndim else "a single number"
                raise DataError(f"{path}: {name} must have {rows} rows, one a step, got {got}. Is it cut off?")


def note_missing(source: Source) -> None:
    """Says what was done about missing final observations."""
    final = source.wanted.final_obs
    done = "its action is left out" if final == "drop" else "it is repeated"
    source.note(
        f"{source.path} has no observation after the last action of an episode: the last one there is taken, and "
        f"{done} (final_obs: {final})."
    )


def _episode(number: int, steps: Steps, rows: slice, source: Source) -> Episode:
    part: Steps = jax.tree.map(lambda column: column[rows], steps)  # what is None has no leaves
    return ended(f"episode {number}", part, source)


def _names(obs: Columns) -> list[str]:
    return sorted(obs) if isinstance(obs, dict) else []


def _with_last(obs: Columns, after: Columns) -> Columns:
    whole: Columns = jax.tree.map(lambda column, more: np.concatenate([column, more[-1:]]), obs, after)
    return whole


def _check_follow(name: str, obs: np.ndarray, next_obs: np.ndarray, path: Path) -> None:
    if obs.dtype.kind not in "fiub" or next_obs.dtype.kind not in "fiub" or obs.shape != next_obs.shape:
        raise DataError(
            f"{path}, {name}: next observations must be numbers like the observations, {obs.dtype} of shape "
            f"{obs.shape}, got {next_obs.dtype} of shape {next_obs.shape}."
        )
    with np.errstate(all="ignore"):
        same = np.isclose(obs[1:], next_obs[:-1], rtol=1e-4, atol=1e-4, equal_nan=True).reshape(len(obs) - 1, -1)
    apart = np.flatnonzero(~same.all(axis=1))
    if len(apart):
        why = misplaced(apart, len(obs)) or "Are these shuffled transitions? ilkit needs whole episodes."
        raise DataError(
            f"{path}, {name}: each next observation must be the observation of the next step, but that of step "
            f"{apart[0]} isn't. {why}"
        )
