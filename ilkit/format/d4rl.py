"""HDF5 files of D4RL: flat arrays of all episodes, cut where one terminated or timed out."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool
from pydantic import PositiveInt

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.data.spaces import vectors
from ilkit.errors import DataError
from ilkit.files.format import format_of
from ilkit.files.hdf5 import Hdf5, import_h5py, open_hdf5
from ilkit.files.losses import lost_bounds, lost_rewards
from ilkit.files.recording import Episode, Recording, Source
from ilkit.files.steps import Steps, check_rows, episodes_of, lengths_of
from ilkit.spec import Spec


class D4RL(Spec):
    """An HDF5 file of D4RL."""

    kind: Literal["d4rl"] = "d4rl"
    episode_steps: PositiveInt | None = None
    """After how many steps the environment cut an episode off, where the file has no `timeouts` to say it."""


def format(spec: D4RL) -> Format:
    """Flat arrays; a last episode that is marked by no end is taken as truncated, and named."""
    return format_of(partial(_read, spec), _write, form="HDF5 of D4RL", suffixes=(".hdf5", ".h5"))


def _read(spec: D4RL, source: Source) -> Recording:
    return Recording(_episodes(spec, source))


def _episodes(spec: D4RL, source: Source) -> Iterator[Callable[[], Episode]]:
    with open_hdf5(source.path, "HDF5 of D4RL") as hdf5:
        steps = Steps(
            obs=hdf5.array(hdf5.root, "observations"),
            next_obs=hdf5.optional(hdf5.root, "next_observations"),
            actions=hdf5.array(hdf5.root, "actions"),
            rewards=hdf5.array(hdf5.root, "rewards"),
            terminated=hdf5.array(hdf5.root, "terminals"),
        )
        check_rows(steps, len(steps.actions), source.path)
        ends = _ends(hdf5, np.asarray(steps.terminated), spec)
    yield from episodes_of(steps, lengths_of(ends, source), source)


def _ends(hdf5: Hdf5, terminated: np.ndarray, spec: D4RL) -> Bool[np.ndarray, " steps"]:
    """Where an episode terminated or was cut off."""
    ends: np.ndarray = terminated.reshape(-1) != 0
    if "timeouts" in hdf5.root:
        if spec.episode_steps is not None:
            raise DataError(
                f"{hdf5.path} has /timeouts, which say where episodes were cut off. Leave out episode_steps."
            )
        return ends | (hdf5.array(hdf5.root, "timeouts", rows=len(terminated)).reshape(-1) != 0)
    if spec.episode_steps is None:
        raise DataError(
            f"{hdf5.path} has no /timeouts to say where episodes were cut off. Give episode_steps, the time limit of "
            "the environment, which D4RL takes in their place; a large number where all ends are in /terminals."
        )
    start = 0
    for stop in [*(np.flatnonzero(ends) + 1).tolist(), len(ends)]:
        ends[start + spec.episode_steps - 1 : stop : spec.episode_steps] = True
        start = stop
    return ends


def _write(demos: Demonstrations, path: Path) -> list[str]:
    vectors(demos.spaces.observation, "d4rl")
    obs, next_obs = demos.before(), demos.after()
    with import_h5py().File(path, "w") as file:
        file["observations"], file["next_observations"] = obs, next_obs
        file["actions"], file["rewards"] = demos.actions, demos.rewards
        file["terminals"] = demos.at_last_step(demos.terminated)
        file["timeouts"] = demos.at_last_step(~demos.terminated)
    return [*lost_bounds(demos), *lost_rewards(demos)]
