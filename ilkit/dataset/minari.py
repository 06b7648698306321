"""Data sets of Minari, stored as HDF5: a folder `data` with `main_data.hdf5` and `metadata.json`.

The arrow form of Minari cuts episodes at 32,768 observations, so that it is refused; convert it with Minari first.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.data.spaces import Box, Discrete, vectors
from ilkit.errors import DataError
from ilkit.files.description import read_json
from ilkit.files.episodes import Episode, Note, Recorded, adopt, assemble, reading, warn
from ilkit.files.hdf5 import Hdf5, import_h5py, names_in, open_hdf5
from ilkit.files.losses import check_exportable, lost_ends, lost_rewards
from ilkit.files.spaces import box_of, described, discrete_of


class Minari(Recorded):
    """A data set of Minari, stored as HDF5."""

    kind: Literal["minari"] = "minari"
    path: Path = Path("minari")
    """The folder of the data set, its folder `data`, or the file `main_data.hdf5`, from the folder of `params.yaml`."""
    obs_keys: tuple[str, ...] | None = None
    """Where observations are a dictionary: which entries to put side by side, in this order (`a/b` if nested)."""


def dataset(spec: Minari, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Demonstrations:
    """Reads the episodes, with the environment's spaces.

    **Raises:** `DataError` where the file can't be read or doesn't fit the environment.
    """
    del key
    return adopt(read(spec), env().spaces, spec.path)


def read(spec: Minari, note: Note = warn) -> Demonstrations:
    """Reads the episodes.

    **Raises:** `DataError` where the file can't be read.
    """
    del note  # the format leaves nothing to decide
    with reading(spec.path, "a data set of Minari"):
        file = _main_file(spec.path)
        metadata = _metadata(file)
        start, action = _action_space(metadata.get("action_space"), spec)
        with open_hdf5(file, "HDF5 of Minari") as hdf5:
            return assemble(
                _episodes(hdf5, spec, start),
                spec,
                observation=_observation_space(metadata.get("observation_space"), spec),
                action=action,
            )


def write(demos: Demonstrations, path: Path, spec: Minari) -> list[str]:
    """Writes the folder of a data set; returns what it can't hold."""
    del spec
    check_exportable(demos, path)
    data = path / "data"
    data.mkdir(parents=True)
    ends = [demos.at_last_step(flags) for flags in (demos.terminated, demos.truncated)]
    with import_h5py().File(data / "main_data.hdf5", "w", track_order=True) as file:
        stop = 0
        for number, length in enumerate(demos.lengths.tolist()):
            group = file.create_group(f"episode_{number}")
            group.attrs.update({"id": number, "total_steps": length})
            rows = slice(stop, stop + length)
            group["observations"] = demos.obs[stop + number : stop + number + length + 1]
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
        "observation_space": json.dumps(described(vectors(demos.spaces.observation, "minari"))),
        "action_space": json.dumps(described(demos.spaces.action)),
    }
    (data / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    return [*lost_ends(demos), *lost_rewards(demos), "The environment isn't named: recover_environment() won't work."]


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


def _episodes(hdf5: Hdf5, spec: Minari, start: int) -> Iterator[Episode]:
    for name in hdf5.numbered(hdf5.root, "episode_"):
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
        actions = hdf5.array(group, "actions", rows=num_steps)
        yield Episode(
            name,
            _observations(hdf5, group, spec),
            actions - np.asarray(start, actions.dtype) if start else actions,
            hdf5.array(group, "rewards"),
            num_steps > 0 and bool(terminations[-1].any()),
        )


def _observations(hdf5: Hdf5, group: Any, spec: Minari) -> np.ndarray:
    if not hdf5.is_group(group, "observations"):
        if spec.obs_keys:
            raise DataError(f"{hdf5.path}: observations are no dictionary. Leave out obs_keys.")
        return hdf5.array(group, "observations")
    found = hdf5.group(group, "observations")
    if not spec.obs_keys:
        raise DataError(
            f"{hdf5.path}: observations are a dictionary of {', '.join(names_in(found)[:20])}. Say in obs_keys which "
            "of them to put side by side, and in which order."
        )
    return hdf5.columns(found, spec.obs_keys)


def _observation_space(text: Any, spec: Minari) -> Box | None:
    found = json.loads(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        return None
    spaces = [_subspace(found, key.split("/")) for key in spec.obs_keys] if spec.obs_keys else [found]
    boxes = [box_of(space) for space in spaces]
    if any(box is None for box in boxes):
        return None
    known = [box for box in boxes if box is not None]
    low, high = (tuple(np.concatenate([box.bounds[end].ravel() for box in known])) for end in (0, 1))
    return Box(low=low, high=high)


def _subspace(space: dict[str, Any], names: list[str]) -> dict[str, Any]:
    for name in names:
        space = space.get("subspaces", {}).get(name, {})
    return space


def _action_space(text: Any, spec: Minari) -> tuple[int, Box | Discrete | None]:
    """The number of the first action, and the space."""
    found = json.loads(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        return 0, None
    if found.get("type") in ("Dict", "Tuple", "Text"):
        raise DataError(f"{spec.path}: actions must be a vector or discrete, got the space {found['type']}.")
    return discrete_of(found) or (0, box_of(found))
