"""HDF5 files of robomimic: a group for each demonstration, with its observations by name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.errors import DataError, nearest
from ilkit.files.episodes import Episode, Note, RecordedSteps, adopt, assemble, warn
from ilkit.files.hdf5 import Hdf5, import_h5py, names_in, open_hdf5
from ilkit.files.losses import check_exportable, lost_bounds, lost_ends, lost_rewards
from ilkit.files.steps import Steps, ended, note_missing

_FLAT = "flat"
"""What robomimic calls the observation of an environment that has only one."""


class Robomimic(RecordedSteps):
    """An HDF5 file of robomimic."""

    kind: Literal["robomimic"] = "robomimic"
    path: Path = Path("robomimic.hdf5")
    """The file, from the folder of `params.yaml`."""
    obs_keys: tuple[str, ...] | None = None
    """Which observations to put side by side, in this order; may be left out where there is only one."""
    filter_key: str | None = None
    """The name of a list under `mask` of the demonstrations to take, such as `train`; all where none is given."""


def dataset(spec: Robomimic, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Demonstrations:
    """Reads the episodes, with the environment's spaces.

    **Raises:** `DataError` where the file can't be read or doesn't fit the environment.
    """
    del key
    return adopt(read(spec), env().spaces, spec.path)


def read(spec: Robomimic, note: Note = warn) -> Demonstrations:
    """Reads the demonstrations in the order of their numbers; one whose last `dones` is set has terminated.

    **Raises:** `DataError` where the file can't be read.
    """
    with open_hdf5(spec.path, "HDF5 of robomimic") as hdf5:
        return assemble(_episodes(hdf5, spec, note), spec)


def write(demos: Demonstrations, path: Path, spec: Robomimic) -> list[str]:
    """Writes a file with one observation, named by `obs_keys` or else `flat`; returns what it can't hold."""
    check_exportable(demos, path)
    name = _written_name(spec)
    obs, next_obs = demos.before(), demos.after()
    dones = demos.at_last_step(demos.terminated).astype(np.int64)
    actions = demos.actions.reshape(demos.num_steps, -1)  # robomimic wants columns, be it one
    with import_h5py().File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = demos.num_steps
        data.attrs["env_args"] = json.dumps({"env_name": "", "type": 2, "env_kwargs": {}})
        stop = 0
        for number, length in enumerate(demos.lengths.tolist()):
            rows = slice(stop, stop + length)
            demo = data.create_group(f"demo_{number}")
            demo.attrs["num_samples"] = length
            demo[f"obs/{name}"], demo[f"next_obs/{name}"] = obs[rows], next_obs[rows]
            demo["actions"], demo["rewards"], demo["dones"] = actions[rows], demos.rewards[rows], dones[rows]
            stop += length
    return [
        *lost_ends(demos),
        *lost_bounds(demos),
        *lost_rewards(demos),
        *_unfit(demos),
        "env_args and the simulator's states are unknown: robomimic can train on the file, not replay it.",
    ]


def _unfit(demos: Demonstrations) -> list[str]:
    """What robomimic will stumble over."""
    if demos.actions.ndim == 1:
        return ["robomimic knows no discrete actions: it reads them as real numbers."]
    outside = float((np.abs(demos.actions) > 1).mean())
    return [f"robomimic's policies act within -1 and 1, and {outside:.1%} of the actions lie outside."] * (outside > 0)


def _written_name(spec: Robomimic) -> str:
    names = spec.obs_keys or (_FLAT,)
    if len(names) != 1 or "/" in names[0] or not names[0]:
        raise DataError(f"Observations are written under one plain name, got obs_keys {', '.join(names)}.")
    return names[0]


def _episodes(hdf5: Hdf5, spec: Robomimic, note: Note) -> Iterator[Episode]:
    data = hdf5.group(hdf5.root, "data")
    chosen = hdf5.numbered(data, "demo_")
    if spec.filter_key is not None:
        chosen = _filtered(hdf5, spec.filter_key, chosen)
    for number, name in enumerate(chosen):
        demo = hdf5.group(data, name)
        if number == 0 and "next_obs" not in demo:
            note_missing(spec, note)
        yield ended(name, _steps(hdf5, demo, spec), spec)


def _steps(hdf5: Hdf5, demo: Any, spec: Robomimic) -> Steps:
    actions = hdf5.array(demo, "actions")
    obs = hdf5.group(demo, "obs")
    names = spec.obs_keys or tuple(names_in(obs))
    if len(names) != 1 and not spec.obs_keys:
        raise DataError(
            f"{hdf5.path}, {obs.name} has {', '.join(names[:20]) or 'nothing'}. Say in obs_keys which of them to "
            "put side by side, and in which order."
        )
    num_steps = len(actions)
    after = hdf5.columns(hdf5.group(demo, "next_obs"), names, rows=num_steps) if "next_obs" in demo else None
    return Steps(
        obs=hdf5.columns(obs, names, rows=num_steps),
        next_obs=after,
        actions=actions,
        rewards=hdf5.optional(demo, "rewards", rows=num_steps),
        terminated=hdf5.optional(demo, "dones", rows=num_steps),
    )


def _filtered(hdf5: Hdf5, key: str, names: list[str]) -> list[str]:
    masks = hdf5.group(hdf5.root, "mask") if "mask" in hdf5.root else {}
    if key not in masks:
        raise DataError(f"{hdf5.path} has no mask/{key}. {nearest(key, names_in(masks))}")
    wanted = set(hdf5.texts(masks, key))
    if wanted - set(names):
        raise DataError(f"{hdf5.path}: mask/{key} names {min(wanted - set(names))!r}, which isn't under data.")
    return [name for name in names if name in wanted]
