"""Data sets of LeRobot, version 3: frames in parquet files, described in `meta/info.json`. Videos aren't read.

A frame holds the observation before its action, so that the one after the last action is nowhere: see `final_obs`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.errors import DataError, held
from ilkit.files.arrow import column_of, dense, import_pyarrow, read_parquet
from ilkit.files.description import read_json
from ilkit.files.format import format_of
from ilkit.files.observations import beside, note_order
from ilkit.files.recording import Episode, Recording, Source
from ilkit.files.steps import Steps, episodes_of
from ilkit.spec import Spec

_ACTION = "the action"
_DONE, _TRUNCATED, _REWARD = "next.done", "next.truncated", "next.reward"


class LeRobot(Spec):
    """A data set of LeRobot, version 3, without its videos."""

    kind: Literal["lerobot"] = "lerobot"
    obs_keys: tuple[str, ...] = ("observation.state",)
    """Which features are the observation."""
    join: bool = True
    """Whether they are put side by side in their order, as a vector, instead of kept as a dictionary."""
    action_key: str = "action"
    """The feature that is the action."""


def format(spec: LeRobot) -> Format:
    """Episodes in the order of their numbers; one ends there where `next.done` is set and `next.truncated` isn't."""
    return format_of(partial(_read, spec), partial(_write, spec), form="a data set of LeRobot")


def _read(spec: LeRobot, source: Source) -> Recording:
    import_pyarrow()
    _check_info(read_json(source.path / "meta" / "info.json"), spec, source)
    note_order(spec.obs_keys if spec.join else (), source)
    return Recording(_episodes(spec, source))


def _check_info(info: dict[str, Any], spec: LeRobot, source: Source) -> None:
    path = source.path
    version = info.get("codebase_version")
    if not isinstance(version, str) or not version.startswith("v3."):
        raise DataError(f"{path} must be of version v3.x, got {version!r}. Convert it with a recent LeRobot.")
    features = info.get("features")
    if not isinstance(features, dict):
        raise DataError(f"{path / 'meta' / 'info.json'} must describe features, got {features!r:.80}.")
    for name in (*spec.obs_keys, spec.action_key):
        if name not in features:
            raise DataError(f"{path} has no feature {name!r}. {held(features)}")
        if _kind(features[name]) in ("video", "image"):
            raise DataError(f"{path}: {name} is a {_kind(features[name])}, and only numbers are read.")
    unread = [name for name, feature in features.items() if _kind(feature) in ("video", "image")]
    if unread:
        source.note(f"{path}: pictures aren't read: {', '.join(unread)}.")


def _kind(feature: Any) -> str:
    return str(feature.get("dtype")) if isinstance(feature, dict) else ""


def _episodes(spec: LeRobot, source: Source) -> Iterator[Callable[[], Episode]]:
    path = source.path
    found = (one for one in (path / "data").glob("chunk-*/file-*.parquet") if one.is_file())
    files = sorted(found, key=_position)
    if not files:
        raise DataError(f"{path / 'data'} must have chunk-000/file-000.parquet, got none. Is the download whole?")
    columns = [_frames(file, spec) for file in files]
    if len({tuple(sorted(one)) for one in columns}) > 1:
        raise DataError(f"{path}: all files under data must have the same columns. Is one from another recording?")
    frames = {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
    lengths = _lengths(frames, path)
    obs = {name: frames[name] for name in spec.obs_keys}
    steps = Steps(
        obs=beside(obs, spec.obs_keys) if spec.join else obs,
        next_obs=None,
        actions=frames[_ACTION],
        rewards=frames.get(_REWARD),
        terminated=_terminated(frames),
    )
    return episodes_of(steps, lengths, source)


def _position(file: Path) -> tuple[int, int]:
    numbers = [name.rpartition("-")[2] for name in (file.parent.name, file.stem)]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise DataError(f"{file} must be called chunk-NUMBER/file-NUMBER.parquet.")
    return int(numbers[0]), int(numbers[1])


def _frames(file: Path, spec: LeRobot) -> dict[str, np.ndarray]:
    optional = [_REWARD, _DONE, _TRUNCATED]
    table = read_parquet(file, [*spec.obs_keys, spec.action_key, "episode_index", "frame_index", *optional])

    def column(name: str) -> np.ndarray:
        return dense(column_of(table, name, file), f"{file}, {name}")

    found = {
        **{name: column(name) for name in spec.obs_keys},
        _ACTION: column(spec.action_key),
        **{name: _whole(column(name), f"{file}, {name}") for name in ("episode_index", "frame_index")},
    }
    return found | {name: column(name).reshape(-1) for name in optional if name in table.column_names}


def _whole(values: np.ndarray, what: str) -> np.ndarray:
    if values.dtype.kind not in "iu" or values.ndim != 1:
        raise DataError(f"{what} must be whole numbers, got {values.dtype} of shape {values.shape}.")
    return values.astype(np.int64)


def _lengths(frames: dict[str, np.ndarray], path: Path) -> Int[np.ndarray, " episodes"]:
    """The number of frames of each episode, after checking that none is missing."""
    episode, frame = frames["episode_index"], frames["frame_index"]
    starts = np.flatnonzero(np.diff(episode, prepend=episode[:1] - 1))
    lengths = np.diff(starts, append=len(episode))
    expected = np.arange(len(episode)) - np.repeat(starts, lengths)
    wrong = frame != expected
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{path}, episode {episode[row]}: frames must be numbered from 0 without gaps, got {frame[row]} in "
            f"place of {expected[row]}. Is a file of data missing?"
        )
    if (np.diff(episode[starts]) <= 0).any():
        raise DataError(f"{path}: episodes must stand in the order of their numbers, each in one piece.")
    return lengths


def _terminated(frames: dict[str, np.ndarray]) -> np.ndarray | None:
    if _DONE not in frames:
        return None
    done = frames[_DONE] != 0
    return done & (frames[_TRUNCATED] == 0) if _TRUNCATED in frames else done


def _write(spec: LeRobot, demos: Demonstrations, path: Path) -> list[str]:
    """Writes the folder, the observation under each of `obs_keys`."""
    from ilkit.files.lerobot_writer import write_folder

    if not spec.obs_keys:
        raise DataError(f"{path}: observations need a name, got none in obs_keys. Leave it out.")
    return write_folder(demos, path, obs_keys=spec.obs_keys, action_key=spec.action_key)
