"""Recordings of T observations and T actions an episode: where they are cut and how they end."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from ilkit.errors import DataError
from ilkit.files.episodes import Episode, Note, RecordedSteps


class Steps(NamedTuple):
    """Rows of all episodes, one a step, as they were recorded."""

    obs: np.ndarray
    next_obs: np.ndarray | None
    actions: np.ndarray
    rewards: np.ndarray | None
    terminated: np.ndarray | None


def episodes_of(
    steps: Steps, lengths: Int[np.ndarray, " episodes"], spec: RecordedSteps, note: Note
) -> Iterator[Episode]:
    """Cuts the rows into episodes of these lengths.

    **Raises:** `DataError` where a column has other than the sum of the lengths as rows.
    """
    check_rows(steps, int(lengths.sum()), spec)
    if steps.next_obs is None:
        note_missing(spec, note)
    stops = np.cumsum(lengths)
    for number, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        yield ended(f"episode {number}", _cut(steps, slice(start, stop)), spec)


def ended(name: str, steps: Steps, spec: RecordedSteps) -> Episode:
    """The episode of these rows, with the observation after its last action as the settings say.

    **Raises:** `DataError` where the next observations aren't those that follow.
    """
    obs, next_obs, actions, rewards, flags = steps
    terminated = flags is not None and len(flags) > 0 and bool(flags[-1])
    if len(actions) == 0 or len(obs) != len(actions):
        return Episode(name, obs, actions, rewards, terminated)  # refused where episodes are checked
    if next_obs is not None:
        _check_follow(name, obs, next_obs, spec)
        return Episode(name, np.concatenate([obs, next_obs[-1:]]), actions, rewards, terminated)
    if spec.final_obs == "repeat":
        return Episode(name, np.concatenate([obs, obs[-1:]]), actions, rewards, terminated)
    return Episode(name, obs, actions[:-1], None if rewards is None else rewards[:-1], False)


def lengths_of(ends: Bool[np.ndarray, " steps"], spec: RecordedSteps, note: Note) -> Int[np.ndarray, " episodes"]:
    """The lengths of episodes that end where a row is marked; what follows the last mark is an episode of its own."""
    stops = np.flatnonzero(ends) + 1
    if len(ends) and not ends[-1]:
        start = int(stops[-1]) if len(stops) else 0
        note(
            f"{spec.path}: the last episode, {len(stops)} from step {start}, has no end: "
            f"its {len(ends) - start} steps are taken as truncated."
        )
        stops = np.append(stops, len(ends))
    return np.diff(stops, prepend=0)


def check_rows(steps: Steps, rows: int, spec: RecordedSteps) -> None:
    """Checks that every column has this number of rows.

    **Raises:** `DataError`.
    """
    for name, column in steps._asdict().items():
        if column is not None and (column.ndim == 0 or len(column) != rows):
            got = len(column) if column.ndim else "a single number"
            raise DataError(f"{spec.path}: {name} must have {rows} rows, one a step, got {got}. Is it cut off?")


def note_missing(spec: RecordedSteps, note: Note) -> None:
    """Says what was done about missing final observations."""
    done = "its action is left out" if spec.final_obs == "drop" else "it is repeated"
    note(
        f"{spec.path} has no observation after the last action of an episode: the last one there is taken, and {done} "
        f"(final_obs: {spec.final_obs})."
    )


def _cut(steps: Steps, rows: slice) -> Steps:
    def cut(column: np.ndarray | None) -> np.ndarray | None:
        return None if column is None else column[rows]

    return Steps(steps.obs[rows], cut(steps.next_obs), steps.actions[rows], cut(steps.rewards), cut(steps.terminated))


def _check_follow(name: str, obs: np.ndarray, next_obs: np.ndarray, spec: RecordedSteps) -> None:
    if obs.dtype.kind not in "fiub" or next_obs.dtype.kind not in "fiub" or obs.shape != next_obs.shape:
        raise DataError(
            f"{spec.path}, {name}: next observations must be numbers like the observations, {obs.dtype} of shape "
            f"{obs.shape}, got {next_obs.dtype} of shape {next_obs.shape}."
        )
    with np.errstate(all="ignore"):
        same = np.isclose(obs[1:], next_obs[:-1], rtol=1e-4, atol=1e-4, equal_nan=True).reshape(len(obs) - 1, -1)
    apart = ~same.all(axis=1)
    if apart.any():
        raise DataError(
            f"{spec.path}, {name}: each next observation must be the observation of the next step, but that of step "
            f"{int(apart.argmax())} isn't. Are these shuffled transitions? ilkit needs whole episodes."
        )
