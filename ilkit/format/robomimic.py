"""HDF5 files of robomimic: a group for each demonstration, with its observations by name."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.errors import DataError, held
from ilkit.files.format import format_of
from ilkit.files.hdf5 import Hdf5, import_h5py, names_in, open_hdf5
from ilkit.files.losses import lost_bounds, lost_rewards
from ilkit.files.observations import beside, note_order
from ilkit.files.recording import Columns, Episode, Recording, Source
from ilkit.files.steps import Steps, ended, note_missing
from ilkit.spec import Spec

_FLAT = "flat"
"""What robomimic calls the observation of an environment that has only one."""


class Robomimic(Spec):
    """An HDF5 file of robomimic."""

    kind: Literal["robomimic"] = "robomimic"
    obs_keys: tuple[str, ...] | None = None
    """Which observations to take; all where none are given, as a dictionary where there are several."""
    join: bool = True
    """Whether `obs_keys` are put side by side in their order, as a vector, instead of kept as a dictionary."""
    filter_key: str | None = None
    """The name of a list under `mask` of the demonstrations to take, such as `train`; all where none is given."""


def format(spec: Robomimic) -> Format:
    """Demonstrations in the order of their numbers; one whose last `dones` is set has terminated."""
    return format_of(partial(_read, spec), partial(_write, spec), form="HDF5 of robomimic", suffixes=(".hdf5", ".h5"))


def _read(spec: Robomimic, source: Source) -> Recording:
    note_order(spec.obs_keys or () if spec.join else (), source)
    return Recording(_episodes(spec, source))


def _write(spec: Robomimic, demos: Demonstrations, path: Path) -> list[str]:
    """Writes a file; an observation without a name gets that of `obs_keys`, or else `flat`."""
    named = demos.obs if isinstance(demos.obs, dict) else {_written_name(spec): demos.obs}
    obs, next_obs = (
        seen if isinstance(seen, dict) else dict.fromkeys(named, seen) for seen in (demos.before(), demos.after())
    )
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
            for name in named:
                demo[f"obs/{name}"], demo[f"next_obs/{name}"] = obs[name][rows], next_obs[name][rows]
            demo["actions"], demo["rewards"], demo["dones"] = actions[rows], demos.rewards[rows], dones[rows]
            stop += length
    return [
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


def _episodes(spec: Robomimic, source: Source) -> Iterator[Callable[[], Episode]]:
    with open_hdf5(source.path, "HDF5 of robomimic") as hdf5:
        data = hdf5.group(hdf5.root, "data")
        chosen = hdf5.numbered(data, "demo_")
        if spec.filter_key is not None:
            chosen = _filtered(hdf5, spec.filter_key, chosen)
        if "next_obs" not in hdf5.group(data, chosen[0]):
            note_missing(source)
        for name in chosen:
            yield partial(_episode, hdf5, name, spec, source)


def _episode(hdf5: Hdf5, name: str, spec: Robomimic, source: Source) -> Episode:
    return ended(name, _steps(hdf5, hdf5.group(hdf5.group(hdf5.root, "data"), name), spec), source)


def _steps(hdf5: Hdf5, demo: Any, spec: Robomimic) -> Steps:
    actions = hdf5.array(demo, "actions")
    obs = hdf5.group(demo, "obs")
    names = spec.obs_keys or tuple(names_in(obs))
    if not names:
        raise DataError(f"{hdf5.path}, {obs.name} must hold observations, got nothing.")
    num_steps = len(actions)
    joined = bool(spec.obs_keys and spec.join) or len(names) == 1

    def columns(group: Any) -> Columns:
        found = hdf5.columns(group, names, rows=num_steps)
        return beside(found, names) if joined else found

    return Steps(
        obs=columns(obs),
        next_obs=columns(hdf5.group(demo, "next_obs")) if "next_obs" in demo else None,
        actions=actions,
        rewards=hdf5.optional(demo, "rewards", rows=num_steps),
        terminated=hdf5.optional(demo, "dones", rows=num_steps),
    )


def _filtered(hdf5: Hdf5, key: str, names: list[str]) -> list[str]:
    masks = hdf5.group(hdf5.root, "mask") if "mask" in hdf5.root else {}
    if key not in masks:
        raise DataError(f"{hdf5.path} has no mask/{key}. {held(names_in(masks))}")
    wanted = set(hdf5.texts(masks, key))
    if wanted - set(names):
        raise DataError(f"{hdf5.path}: mask/{key} names {min(wanted - set(names))!r}, which isn't under data.")
    return [name for name in names if name in wanted]
