"""NumPy archives (`.npz`): flat arrays of all episodes, under names that the settings give; or a folder of such."""

from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Literal

import jax
import numpy as np
from jaxtyping import Int

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.data.spaces import Box, Dict, Discrete, Spaces
from ilkit.errors import DataError, held
from ilkit.files.archive import Archive, open_npz
from ilkit.files.axes import Axis, flattened, has_two_axes
from ilkit.files.format import format_of
from ilkit.files.recording import Columns, Episode, Recording, Source
from ilkit.files.steps import Steps, check_rows, episodes_of, lengths_of
from ilkit.spec import Spec

_SPACES = "spaces"
"""The name of the spaces in an export, which are text."""


class NPZ(Spec):
    """A NumPy archive, or a folder of archives."""

    kind: Literal["npz"] = "npz"
    obs: str | tuple[str, ...] = "observations"
    """The name of the observations: T of each episode, or T + 1; or of shape (episodes, T, entries). Several names, or
    one that only stands before others, as in `observations/position`, are a dictionary."""
    next_obs: str = "next_observations"
    """The name of the observations after each action, if there are any."""
    actions: str = "actions"
    """The name of the actions."""
    rewards: str = "rewards"
    """The name of the rewards, if there are any."""
    terminated: str = "terminations"
    """The name of the flags, of each step or of each episode, of whether the environment ended it, if there are any."""
    truncated: str = "truncations"
    """The name of the flags of whether a time limit cut it, if there are any; needed only where lengths are missing."""
    starts: str = "episode_starts"
    """The name of the flags of the first step of each episode, if there are any; not needed where lengths are there."""
    lengths: str = "episode_lengths"
    """The name of the numbers of steps of the episodes; where it is missing, the flags say where episodes end."""
    single_episode: bool = False
    """Whether all steps are one episode, where the file doesn't say where episodes end."""
    axis: Axis | None = None
    """What the first axis of arrays of shape (…, …, entries) is, where nothing else tells it: `episodes` of as many
    steps each, or `steps` of several environments side by side."""


def format(spec: NPZ) -> Format:
    """Flat arrays under names."""
    return format_of(partial(_read, spec), partial(_write, spec), form="a NumPy archive (.npz)", suffixes=(".npz",))


def _read(spec: NPZ, source: Source) -> Recording:
    with open_npz(source.path) as archive:
        found = partial(_optional, archive, spec)
        actions = _needed(archive, spec, "actions")
        steps = Steps(
            obs=_observed(archive, spec),
            next_obs=_followed(archive, spec),
            actions=actions,
            rewards=found("rewards"),
            terminated=found("terminated"),
        )
        truncated, starts, lengths = found("truncated"), found("starts"), found("lengths")
        rows: np.ndarray | None = None
        if lengths is None and has_two_axes(steps, truncated):
            steps, truncated, starts, rows = flattened(steps, truncated, starts, spec.axis, source.path)
        if lengths is None:
            lengths = _found_lengths(steps, truncated, starts, rows, spec, source)
        lengths = _checked_lengths(lengths, len(steps.actions), spec, source.path)
        observation, action = _spaces(archive)
        return Recording(_episodes(steps, lengths, spec, source), observation, action)


def _write(spec: NPZ, demos: Demonstrations, path: Path) -> list[str]:
    """Writes a file under the names of the settings, with T + 1 observations an episode."""
    name = spec.obs if isinstance(spec.obs, str) else NPZ.model_fields["obs"].default
    seen = (
        {f"{name}/{one}": rows for one, rows in demos.obs.items()} if isinstance(demos.obs, dict) else {name: demos.obs}
    )
    arrays = {
        **seen,
        spec.actions: demos.actions,
        spec.rewards: demos.rewards,
        spec.terminated: demos.at_last_step(demos.terminated),
        spec.truncated: demos.at_last_step(demos.truncated),
        spec.lengths: demos.lengths,
        _SPACES: np.frombuffer(demos.spaces.model_dump_json().encode(), np.uint8),
    }
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return []


def _observed(archive: Archive, spec: NPZ) -> Columns:
    if isinstance(spec.obs, tuple):
        return {name: archive.array(name) for name in spec.obs}
    return _inside(archive, spec.obs) or _needed(archive, spec, "obs")


def _followed(archive: Archive, spec: NPZ) -> Columns | None:
    return _inside(archive, spec.next_obs) or _optional(archive, spec, "next_obs")


def _inside(archive: Archive, name: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin with that of a folder."""
    found = sorted(one for one in archive.names if one.startswith(f"{name}/"))
    return {one.removeprefix(f"{name}/"): archive.array(one) for one in found}


def _needed(archive: Archive, spec: NPZ, field: str) -> np.ndarray:
    name = getattr(spec, field)
    if name not in archive.names:
        raise DataError(f"{archive.path} has no array {name!r}. {held(archive.names)} Say in {field} which it is.")
    return archive.array(name)


def _optional(archive: Archive, spec: NPZ, field: str) -> np.ndarray | None:
    """The array that a setting names; a name that was chosen must be there, the default one need not."""
    name = getattr(spec, field)
    if name not in archive.names and name == NPZ.model_fields[field].default:
        return None
    return _needed(archive, spec, field)


def _found_lengths(
    steps: Steps,
    truncated: np.ndarray | None,
    starts: np.ndarray | None,
    rows: np.ndarray | None,
    spec: NPZ,
    source: Source,
) -> np.ndarray:
    """The lengths of episodes by flags of their first or last steps; each of `rows` ends an episode, too."""
    num_steps = len(steps.actions)
    if spec.single_episode:
        return np.array([num_steps])
    flags = [one.reshape(-1) != 0 for one in (steps.terminated, truncated) if one is not None]
    if rows is not None and any(len(one) != num_steps for one in flags):
        return rows  # flags of whole episodes
    ends = np.zeros(num_steps, bool)
    if starts is not None:
        _check_flags(starts, num_steps, spec.starts, source.path)
        ends[:-1] = starts.reshape(-1)[1:] != 0
        ends[-1:] = True
    elif flags and all(len(one) == num_steps for one in flags):
        ends = np.logical_or.reduce(flags)
    elif rows is None and source.is_part:
        return np.array([num_steps])
    elif rows is None:
        raise DataError(
            f"{source.path} doesn't say where episodes end. Name the array of lengths (lengths), the flags of every "
            "last step (terminated, truncated) or of every first one (starts), or set single_episode."
        )
    if rows is not None:
        ends[np.cumsum(rows) - 1] = True
    check_rows(steps._replace(obs=steps.actions), num_steps, source.path)
    return lengths_of(ends, source)


def _check_flags(flags: np.ndarray, num_steps: int, name: str, path: Path) -> None:
    if flags.size != num_steps or flags.shape[0] != num_steps:
        raise DataError(f"{path}: {name} must be one a step, {num_steps}, got the shape {flags.shape}.")


def _checked_lengths(lengths: np.ndarray, num_steps: int, spec: NPZ, path: Path) -> Int[np.ndarray, " episodes"]:
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or not len(lengths):
        raise DataError(
            f"{path}: {spec.lengths} must be a list of whole numbers, got {lengths.dtype} of shape {lengths.shape}."
        )
    empty = (lengths < 1) | (lengths > 2**31 - 1)
    if empty.any():
        number = int(empty.argmax())
        raise DataError(f"{path}: every episode must have steps, got {lengths[number]} in episode {number}.")
    total = sum(map(int, lengths))
    if total != num_steps:
        raise DataError(f"{path}: {spec.lengths} must sum up to the {num_steps} actions, got {total}.")
    return lengths.astype(np.int64)


def _episodes(
    steps: Steps, lengths: Int[np.ndarray, " episodes"], spec: NPZ, source: Source
) -> Iterator[Callable[[], Episode]]:
    terminated = _by_step(steps.terminated, lengths, spec, source.path)
    _check_ends(terminated, lengths, spec, source.path)
    steps = steps._replace(terminated=terminated)
    rows = {len(column) for column in jax.tree.leaves(steps.obs)}
    if rows == {int(lengths.sum()) + len(lengths)} and steps.next_obs is None:
        return _whole_episodes(steps, lengths, source)
    return episodes_of(steps, lengths, source)


def _check_ends(terminated: np.ndarray | None, lengths: Int[np.ndarray, " episodes"], spec: NPZ, path: Path) -> None:
    stops = np.cumsum(lengths)
    early = np.setdiff1d(np.flatnonzero(() if terminated is None else terminated), stops - 1)
    if len(early):
        number = int(np.searchsorted(stops, early[0], side="right"))
        step = int(early[0] - (stops - lengths)[number])
        late = " They stand at first steps: are they one row late?" * bool(np.isin(early, stops - lengths).all())
        raise DataError(
            f"{path}: {spec.terminated} must end episodes where {spec.lengths} or {spec.starts} does, got an end at "
            f"step {step} of the {lengths[number]} of episode {number}.{late}"
        )


def _whole_episodes(
    steps: Steps, lengths: Int[np.ndarray, " episodes"], source: Source
) -> Iterator[Callable[[], Episode]]:
    check_rows(steps._replace(obs=steps.actions), int(lengths.sum()), source.path)
    stops = np.cumsum(lengths)
    for number, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        episode = Episode(
            f"episode {number}",
            jax.tree.map(itemgetter(slice(start + number, stop + number + 1)), steps.obs),
            steps.actions[start:stop],
            None if steps.rewards is None else steps.rewards[start:stop],
            steps.terminated is not None and bool(steps.terminated[stop - 1]),
        )
        yield partial(_itself, episode)


def _itself(episode: Episode) -> Episode:
    return episode


def _by_step(flags: np.ndarray | None, lengths: np.ndarray, spec: NPZ, path: Path) -> np.ndarray | None:
    if flags is None or flags.size == int(lengths.sum()):
        return None if flags is None else flags.reshape(-1)
    if flags.shape != lengths.shape:
        raise DataError(f"{path}: {spec.terminated} must be one a step or one an episode, got {flags.shape}.")
    rows = np.zeros(int(lengths.sum()), bool)
    rows[np.cumsum(lengths) - 1] = flags != 0
    return rows


def _spaces(archive: Archive) -> tuple[Box | Dict | None, Box | Discrete | None]:
    """The spaces that an export has written as JSON."""
    if _SPACES not in archive.names:
        return None, None
    spaces = Spaces.model_validate_json(archive.array(_SPACES).astype(np.uint8).tobytes())
    obs = spaces.observation if isinstance(spaces.observation, (Box, Dict)) else None
    return obs, spaces.action if isinstance(spaces.action, (Box, Discrete)) else None
