"""HDF5 files of D4RL: flat arrays of all episodes, cut where one terminated or timed out."""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, PRNGKeyArray
from pydantic import PositiveInt

from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, HostEnvironment
from ilkit.errors import DataError
from ilkit.files.episodes import Note, RecordedSteps, adopt, assemble, warn
from ilkit.files.hdf5 import Hdf5, import_h5py, open_hdf5
from ilkit.files.losses import check_exportable, lost_bounds, lost_ends, lost_rewards
from ilkit.files.steps import Steps, check_rows, episodes_of, lengths_of


class D4RL(RecordedSteps):
    """An HDF5 file of D4RL."""

    kind: Literal["d4rl"] = "d4rl"
    path: Path = Path("demonstrations.hdf5")
    """The file, from the folder of `params.yaml`."""
    episode_steps: PositiveInt | None = None
    """After how many steps the environment cut an episode off, where the file has no `timeouts` to say it."""


def dataset(spec: D4RL, env: Build[Environment | HostEnvironment], *, key: PRNGKeyArray) -> Demonstrations:
    """Reads the episodes, with the environment's spaces.

    **Raises:** `DataError` where the file can't be read or doesn't fit the environment.
    """
    del key
    return adopt(read(spec), env().spaces, spec.path)


def read(spec: D4RL, note: Note = warn) -> Demonstrations:
    """Reads the episodes; a last one that is marked by no end is taken as truncated, and named.

    **Raises:** `DataError` where the file can't be read.
    """
    with open_hdf5(spec.path, "HDF5 of D4RL") as hdf5:
        steps = Steps(
            obs=hdf5.array(hdf5.root, "observations"),
            next_obs=hdf5.optional(hdf5.root, "next_observations"),
            actions=hdf5.array(hdf5.root, "actions"),
            rewards=hdf5.array(hdf5.root, "rewards"),
            terminated=hdf5.array(hdf5.root, "terminals"),
        )
        num_steps = len(steps.actions)
        check_rows(steps, num_steps, spec)
        ends = _ends(hdf5, np.asarray(steps.terminated), spec)
        return assemble(episodes_of(steps, lengths_of(ends, spec, note), spec, note), spec)


def _ends(hdf5: Hdf5, terminated: np.ndarray, spec: D4RL) -> Bool[np.ndarray, " steps"]:
    """Where an episode terminated or was cut off."""
    ends: np.ndarray = terminated.reshape(-1) != 0
    if "timeouts" in hdf5.root:
        if spec.episode_steps is not None:
            raise DataError(
                f"{spec.path} has /timeouts, which say where episodes were cut off. Leave out episode_steps."
            )
        return ends | (hdf5.array(hdf5.root, "timeouts", rows=len(terminated)).reshape(-1) != 0)
    if spec.episode_steps is None:
        raise DataError(
            f"{spec.path} has no /timeouts to say where episodes were cut off. Give episode_steps, the time limit of "
            "the environment, which D4RL takes in their place; a large number where all ends are in /terminals."
        )
    start = 0
    for stop in [*(np.flatnonzero(ends) + 1).tolist(), len(ends)]:
        ends[start + spec.episode_steps - 1 : stop : spec.episode_steps] = True
        start = stop
    return ends


def write(demos: Demonstrations, path: Path, spec: D4RL) -> list[str]:
    """Writes a file; returns what it can't hold."""
    del spec
    check_exportable(demos, path)
    obs, next_obs = demos.before(), demos.after()
    with import_h5py().File(path, "w") as file:
        file["observations"], file["next_observations"] = obs, next_obs
        file["actions"], file["rewards"] = demos.actions, demos.rewards
        file["terminals"] = demos.at_last_step(demos.terminated)
        file["timeouts"] = demos.at_last_step(~demos.terminated)
    return [*lost_ends(demos), *lost_bounds(demos), *lost_rewards(demos)]
