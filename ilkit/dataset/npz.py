"""NumPy archives (`.npz`): flat arrays of all episodes, under names that the settings give."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int, PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.spaces import Box, Discrete, vectors
from ilkit.errors import DataError
from ilkit.files.archive import Archive, open_npz
from ilkit.files.episodes import Episode, Note, RecordedSteps, adopt, assemble, warn
from ilkit.files.losses import check_exportable, lost_ends
from ilkit.files.steps import Steps, check_rows, episodes_of, lengths_of


class NPZ(RecordedSteps):
    """A NumPy archive."""

    kind: Literal["npz"] = "npz"
    path: Path = Path("demonstrations.npz")
    """The file, from the folder of `params.yaml`."""
    obs: str = "observations"
    """The name of the observations: T of each episode, or T + 1; or of shape (episodes, T, entries)."""
    next_obs: str = "next_observations"
    """The name of the observations after each action, if there are any."""
    actions: str = "actions"
    """The name of the actions; whole numbers, one a step, are discrete."""
    rewards: str = "rewards"
    """The name of the rewards, if there are any."""
    terminated: str = "terminations"
    """The name of the flags, of each step or of each episode, of whether the environment ended it, if there are any."""
    truncated: str = "truncations"
    """The name of the flags of whether a time limit cut it, if there are any; needed only where lengths are missing."""
    lengths: str = "episode_lengths"
    """The name of the numbers of steps of the episodes; where it is missing, the flags say where episodes end."""
    single_episode: bool = False
    """Whether all steps are one episode, where the file doesn't say where episodes end."""


def dataset(spec: NPZ, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Demonstrations:
    """Reads the episodes, with the environment's spaces.

    **Raises:** `DataError` where the file can't be read or doesn't fit the environment.
    """
    del key
    return adopt(read(spec), env().spaces, spec.path)


def read(spec: NPZ, note: Note = warn) -> Demonstrations:
    """Reads the episodes.

    **Raises:** `DataError` where the file can't be read.
    """
    with open_npz(spec.path) as archive:
        actions = archive.array(spec.actions)
        steps = Steps(
            obs=archive.array(spec.obs),
            next_obs=_optional(archive, spec, "next_obs"),
            actions=actions,
            rewards=_optional(archive, spec, "rewards"),
            terminated=_optional(archive, spec, "terminated"),
        )
        lengths = _optional(archive, spec, "lengths")
        if lengths is None and actions.ndim == 3 and steps.obs.ndim == 3:
            steps, lengths = _flattened(steps, spec)
        if lengths is None:
            lengths = _found_lengths(steps, _optional(archive, spec, "truncated"), spec, note)
        lengths = _checked_lengths(lengths, len(actions) if lengths.ndim and steps.actions is actions else None, spec)
        observation, action = _spaces(archive)
        return assemble(_episodes(steps, lengths, spec, note), spec, observation=observation, action=action)


def write(demos: Demonstrations, path: Path, spec: NPZ) -> list[str]:
    """Writes a file under the names of the settings, with T + 1 observations an episode; returns what it can't hold."""
    check_exportable(demos, path)
    seen = vectors(demos.spaces.observation, "npz")
    arrays = {
        spec.obs: demos.obs,
        spec.actions: demos.actions,
        spec.rewards: demos.rewards,
        spec.terminated: demos.at_last_step(demos.terminated),
        spec.truncated: demos.at_last_step(demos.truncated),
        spec.lengths: demos.lengths,
        "observation_low": seen.bounds[0],
        "observation_high": seen.bounds[1],
    }
    action = demos.spaces.action
    if isinstance(action, Box):
        arrays |= {"action_low": action.bounds[0], "action_high": action.bounds[1]}
    else:
        arrays["num_actions"] = np.array([action.size])
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return lost_ends(demos)


def _optional(archive: Archive, spec: NPZ, field: str) -> np.ndarray | None:
    """The array that a setting names; a name that was chosen must be there, the default one need not."""
    name = getattr(spec, field)
    if name not in archive.names and name == NPZ.model_fields[field].default:
        return None
    return archive.array(name)


def _flattened(steps: Steps, spec: NPZ) -> tuple[Steps, Int[np.ndarray, " episodes"]]:
    """Episodes of equal length along the first axis as rows."""
    num_episodes, num_steps = steps.actions.shape[:2]
    columns: dict[str, np.ndarray | None] = {}
    for name, column in steps._asdict().items():
        per_episode = name == "terminated" and column is not None and column.ndim == 1
        if column is not None and not per_episode:
            if column.ndim < 2 or column.shape[0] != num_episodes:
                raise DataError(f"{spec.path}: {name} must have shape ({num_episodes}, steps, …), got {column.shape}.")
            column = column.reshape(-1, *column.shape[2:])
        columns[name] = column
    return Steps(**columns), np.full(num_episodes, num_steps)  # type: ignore[arg-type]


def _found_lengths(steps: Steps, truncated: np.ndarray | None, spec: NPZ, note: Note) -> np.ndarray:
    num_steps = len(steps.actions)
    if spec.single_episode:
        return np.array([num_steps])
    marks = [np.asarray(flags).reshape(-1) != 0 for flags in (steps.terminated, truncated) if flags is not None]
    if not marks or any(len(flags) != num_steps for flags in marks):
        raise DataError(
            f"{spec.path} doesn't say where episodes end. Name the array of lengths (lengths) or the flags of every "
            "step (terminated, truncated), or set single_episode."
        )
    check_rows(steps._replace(obs=steps.actions), num_steps, spec)
    return lengths_of(np.logical_or.reduce(marks), spec, note)


def _checked_lengths(lengths: np.ndarray, num_steps: int | None, spec: NPZ) -> Int[np.ndarray, " episodes"]:
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or not len(lengths):
        raise DataError(
            f"{spec.path}: {spec.lengths} must be a list of whole numbers, got {lengths.dtype} of shape "
            f"{lengths.shape}."
        )
    empty = (lengths < 1) | (lengths > 2**31 - 1)
    if empty.any():
        number = int(empty.argmax())
        raise DataError(f"{spec.path}: every episode must have steps, got {lengths[number]} in episode {number}.")
    total = sum(map(int, lengths))
    if num_steps is not None and total != num_steps:
        raise DataError(f"{spec.path}: {spec.lengths} must sum up to the {num_steps} actions, got {total}.")
    return lengths.astype(np.int64)


def _episodes(steps: Steps, lengths: Int[np.ndarray, " episodes"], spec: NPZ, note: Note) -> Iterator[Episode]:
    terminated = _by_step(steps.terminated, lengths, spec)
    _check_ends(terminated, lengths, spec)
    steps = steps._replace(terminated=terminated)
    if len(steps.obs) == int(lengths.sum()) + len(lengths) and steps.next_obs is None:
        return _whole_episodes(steps, lengths, spec)
    return episodes_of(steps, lengths, spec, note)


def _check_ends(terminated: np.ndarray | None, lengths: Int[np.ndarray, " episodes"], spec: NPZ) -> None:
    stops = np.cumsum(lengths)
    early = np.flatnonzero(() if terminated is None else terminated)
    early = np.setdiff1d(early, stops - 1)
    if len(early) and early[0] < stops[-1]:
        number = int(np.searchsorted(stops, early[0], side="right"))
        step = int(early[0] - (stops - lengths)[number])
        raise DataError(
            f"{spec.path}: {spec.terminated} must end episodes where {spec.lengths} does, got an end at step {step} of "
            f"the {lengths[number]} of episode {number}."
        )


def _whole_episodes(steps: Steps, lengths: Int[np.ndarray, " episodes"], spec: NPZ) -> Iterator[Episode]:
    check_rows(steps._replace(obs=steps.actions), int(lengths.sum()), spec)
    stops = np.cumsum(lengths)
    for number, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        yield Episode(
            f"episode {number}",
            steps.obs[start + number : stop + number + 1],
            steps.actions[start:stop],
            None if steps.rewards is None else steps.rewards[start:stop],
            steps.terminated is not None and bool(steps.terminated[stop - 1]),
        )


def _by_step(flags: np.ndarray | None, lengths: np.ndarray, spec: NPZ) -> np.ndarray | None:
    if flags is None or flags.size == int(lengths.sum()):
        return None if flags is None else flags.reshape(-1)
    if flags.shape != lengths.shape:
        raise DataError(f"{spec.path}: {spec.terminated} must be one a step or one an episode, got {flags.shape}.")
    rows = np.zeros(int(lengths.sum()), bool)
    rows[np.cumsum(lengths) - 1] = flags != 0
    return rows


def _spaces(archive: Archive) -> tuple[Box | None, Box | Discrete | None]:
    """The spaces that `write` has written."""
    boxes = []
    for name in ("observation", "action"):
        ends = [f"{name}_low", f"{name}_high"]
        if set(ends) <= archive.names:
            low, high = (tuple(archive.array(end).astype(np.float64).reshape(-1).tolist()) for end in ends)
            boxes.append(Box(low=low, high=high) if len(low) == len(high) else None)
        else:
            boxes.append(None)
    if "num_actions" in archive.names:
        return boxes[0], Discrete(size=int(archive.array("num_actions").reshape(-1)[0]))
    return boxes[0], boxes[1]
