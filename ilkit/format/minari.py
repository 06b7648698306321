"""Data sets of Minari, stored as HDF5: a folder `data` with `main_data.hdf5` and `metadata.json`.

The arrow form of Minari cuts episodes at 32,768 observations, so that it is refused; convert it with Minari first.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.data.spaces import Box, Dict, Discrete
from ilkit.errors import DataError
from ilkit.files.description import read_json
from ilkit.files.format import format_of
from ilkit.files.hdf5 import Hdf5, import_h5py, open_hdf5
from ilkit.files.losses import lost_rewards
from ilkit.files.observations import beside, note_order
from ilkit.files.recording import Columns, Episode, Recording, Source
from ilkit.files.spaces import box_of, described, discrete_of
from ilkit.spec import Spec


class Minari(Spec):
    """A data set of Minari, stored as HDF5: its folder, the folder `data` in it, or the file `main_data.hdf5`."""

    kind: Literal["minari"] = "minari"
    obs_keys: tuple[str, ...] | None = None
    """Where observations are a dictionary: which entries to take (`a/b` if nested); all where none are given."""
    join: bool = True
    """Whether `obs_keys` are put side by side in their order, as a vector, instead of kept as a dictionary."""


def format(spec: Minari) -> Format:
    """The folder of one version of a data set."""
    return format_of(partial(_read, spec), _write, form="a data set of Minari")


def _read(spec: Minari, source: Source) -> Recording:
    note_order(spec.obs_keys or () if spec.join else (), source)
    file = _main_file(source.path)
    metadata = _metadata(file)
    action = _action_space(metadata.get("action_space"), source.path)
    observation = _observation_space(metadata.get("observation_space"), spec)
    return Recording(_episodes(file, spec), observation, action)


def _write(demos: Demonstrations, path: Path) -> list[str]:
    data = path / "data"
    data.mkdir(parents=True)
    ends = [demos.at_last_step(flags) for flags in (demos.terminated, demos.truncated)]
    with import_h5py().File(data / "main_data.hdf5", "w", track_order=True) as file:
        stop = 0
        for number, length in enumerate(demos.lengths.tolist()):
            group = file.create_group(f"episode_{number}")
            group.attrs.update({"id": number, "total_steps": length})
            rows = slice(stop, stop + length)
            seen = slice(stop + number, stop + number + length + 1)
            for name, column in demos.obs.items() if isinstance(demos.obs, dict) else [("", demos.obs)]:
                group[f"observations/{name}".rstrip("/")] = column[seen]
            group["actions"] = demos.actions[rows].astype(np.int64 if demos.actions.ndim == 1 else np.float32)
            group["rewards"] = demos.rewards[rows]
            group["terminations"], group["truncations"] = (flags[rows] for flags in ends)
            stop += length
    metadata = {
        "dataset_id": f"ilkit/{path.name}-v0",
        "minari_version": "0.5.3",
        "data_format": "hdf5",
        "total_episodes": demos.num_episodes,
        "total_steps": demos.num_steps,
        "observation_space": json.dumps(described(demos.spaces.observation)),
        "action_space": json.dumps(described(demos.spaces.action)),
    }
    (data / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    return [*lost_rewards(demos), "The environment isn't named: recover_environment() won't work."]


def _main_file(path: Path) -> Path:
    if path.is_file():
        return path
    for folder in (path / "data", path):
        if (folder / "main_data.hdf5").is_file():
            return folder / "main_data.hdf5"
        if folder.is_dir() and any(one.suffix in (".arrow", ".parquet") for one in folder.rglob("*")):
            raise _arrow(path)
        if (folder / "metadata.json").is_file():
            _metadata(folder / "main_data.hdf5")
    raise DataError(f"{path} must hold data/main_data.hdf5, got none. Give the folder of one version of a data set.")


def _arrow(path: Path) -> DataError:
    return DataError(
        f"{path} is stored as arrow or parquet, in which Minari cuts episodes at 32,768 observations; only HDF5 is "
        'read. Make it again with data_format="hdf5".'
    )


def _metadata(file: Path) -> dict[str, Any]:
    for folder in (file.parent, file.parent.parent):
        if (folder / "metadata.json").is_file():
            found = read_json(folder / "metadata.json")
            if found.get("data_format", "hdf5") != "hdf5":
                raise _arrow(folder)
            return found
    return {}


def _episodes(file: Path, spec: Minari) -> Iterator[Callable[[], Episode]]:
    with open_hdf5(file, "HDF5 of Minari") as hdf5:
        for name in hdf5.numbered(hdf5.root, "episode_"):
            yield partial(_episode, hdf5, name, spec)


def _episode(hdf5: Hdf5, name: str, spec: Minari) -> Episode:
    group = hdf5.group(hdf5.root, name)
    num_steps = hdf5.rows(group, "rewards")
    terminations = hdf5.array(group, "terminations", rows=num_steps)
    truncations = hdf5.array(group, "truncations", rows=num_steps)
    ended = ((terminations != 0) | (truncations != 0)).reshape(num_steps, -1).any(axis=1) if num_steps else []
    early = np.flatnonzero(ended[:-1])
    if len(early):
        raise DataError(
            f"{hdf5.path}, {name}: an episode must end at its last step, {num_steps - 1}, but is marked as ended "
            f"at step {early[0]}. Cut it there."
        )
    return Episode(
        name,
        _observations(hdf5, group, spec),
        hdf5.array(group, "actions", rows=num_steps),
        hdf5.array(group, "rewards"),
        num_steps > 0 and bool(terminations[-1].any()),
    )


def _observations(hdf5: Hdf5, group: Any, spec: Minari) -> Columns:
    if not hdf5.is_group(group, "observations"):
        if spec.obs_keys:
            raise DataError(f"{hdf5.path}: observations are no dictionary. Leave out obs_keys.")
        return hdf5.array(group, "observations")
    found = hdf5.group(group, "observations")
    names = spec.obs_keys or tuple(hdf5.leaves(found))
    columns = hdf5.columns(found, names)
    return beside(columns, names) if spec.obs_keys and spec.join else columns


def _observation_space(text: Any, spec: Minari) -> Box | Dict | None:
    found = json.loads(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        return None
    spaces = _leaves(found, "")
    if set(spaces) == {""}:
        return box_of(found)
    names = spec.obs_keys or tuple(spaces)
    boxes = {name: box_of(spaces.get(name)) for name in names}
    known = {name: box for name, box in boxes.items() if box is not None}
    if len(known) < len(names) or not known:
        return None
    if not (spec.obs_keys and spec.join):
        return Dict(entries=known)  # type: ignore[arg-type]
    low, high = (tuple(np.concatenate([box.bounds[end].ravel() for box in known.values()])) for end in (0, 1))
    return Box(low=low, high=high)


def _leaves(space: dict[str, Any], name: str) -> dict[str, Any]:
    """The spaces of the entries of a dictionary, by name, `a/b` where one is nested."""
    inner = space.get("subspaces") if space.get("type") == "Dict" else None
    if not isinstance(inner, dict):
        return {name: space}
    before = f"{name}/" if name else ""
    return {
        leaf: found
        for key, entry in inner.items()
        if isinstance(entry, dict)
        for leaf, found in _leaves(entry, before + key).items()
    }


def _action_space(text: Any, path: Path) -> Box | Discrete | None:
    found = json.loads(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        return None
    if found.get("type") in ("Dict", "Tuple", "Text"):
        raise DataError(f"{path}: actions must be a vector or discrete, got the space {found['type']}.")
    return discrete_of(found) or box_of(found)
