"""NumPy archives of OGBench: flat arrays of all episodes, the last row of each of which holds no action (Park et al.,
2025).

`terminals` marks that last row: its observation is what the last action led to, and its own action was never taken.
Episodes end by their time limit; goals and rewards aren't recorded. NAME-val.npz, which lies beside NAME.npz, is read
in the same way.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Shaped

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.spaces import Dict, described
from ilkit.errors import DataError
from ilkit.files.archive import open_npz
from ilkit.files.format import format_of
from ilkit.files.losses import lost_bounds, lost_rewards
from ilkit.files.recording import Episode, Recording, Source
from ilkit.files.steps import Steps, check_rows, lengths_of
from ilkit.spec import Spec

_REWARDS, _TERMINATED = "rewards", "terminated"
"""What an export holds beside OGBench's own arrays, which leaves them alone."""


class OGBench(Spec):
    """A NumPy archive of OGBench, the training or the validation part of a data set."""

    kind: Literal["ogbench"] = "ogbench"


def format(spec: OGBench) -> Format:
    """Flat arrays, with a row more than there are actions in each episode."""
    del spec
    return format_of(_read, _write, form="a NumPy archive of OGBench", suffixes=(".npz",))


def _read(source: Source) -> Recording:
    with open_npz(source.path) as archive:
        optional = {name: archive.array(name) for name in (_REWARDS, _TERMINATED) if name in archive.names}
        steps = Steps(
            obs=archive.array("observations"),
            next_obs=None,
            actions=archive.array("actions"),
            rewards=optional.get(_REWARDS),
            terminated=optional.get(_TERMINATED),
        )
        last = archive.array("terminals")
    check_rows(steps, len(steps.actions), source.path)
    if last.shape != (len(steps.actions),):
        raise DataError(
            f"{source.path}: terminals must be one a row, {len(steps.actions)}, got the shape {last.shape}."
        )
    return Recording(_episodes(steps, np.cumsum(lengths_of(last != 0, source)), source))


def _episodes(steps: Steps, stops: np.ndarray, source: Source) -> Iterator[Callable[[], Episode]]:
    start = 0
    for number, stop in enumerate(stops.tolist()):
        yield partial(_episode, number, steps, start, stop, source.path)
        start = stop


def _episode(number: int, steps: Steps, start: int, stop: int, path: Path) -> Episode:
    if stop - start < 2:
        raise DataError(
            f"{path}, episode {number}: must have two rows at least, for the last one holds no action, got row {start} "
            "alone. Does terminals mark the last row of each episode?"
        )
    assert isinstance(steps.obs, np.ndarray)
    rewards, terminated = steps.rewards, steps.terminated
    return Episode(
        f"episode {number}",
        steps.obs[start:stop],
        steps.actions[start : stop - 1],
        None if rewards is None else rewards[start : stop - 1],
        terminated is not None and bool(terminated[stop - 1]),
    )


def _write(demos: Demonstrations, path: Path) -> list[str]:
    space, obs, told = demos.spaces.observation, demos.obs, []
    if isinstance(space, Dict):
        entries = {name: column for name, column in obs.items() if name not in (ACHIEVED, DESIRED)}
        if list(entries) != ["observation"]:
            raise DataError(
                "ogbench needs observations that are an array, or a dictionary of observation and goals, got "
                f"{described(space)}. For an environment of gymnasium, add the wrapper FlattenObservation."
            )
        obs = entries["observation"]
        told = ["The goals are lost: OGBench draws them in hindsight. dataset.file.goal gives some again."]
    ends = np.cumsum(demos.lengths.astype(np.int64) + 1) - 1
    last, terminated = np.zeros(len(obs), bool), np.zeros(len(obs), bool)
    last[ends], terminated[ends] = True, demos.terminated
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            observations=obs,
            actions=_with_last(demos.actions, demos),
            terminals=last,
            **{_REWARDS: _with_last(demos.rewards, demos), _TERMINATED: terminated},
        )
    return [*told, *lost_bounds(demos), *lost_rewards(demos)]


def _with_last(rows: Shaped[np.ndarray, "steps ..."], demos: Demonstrations) -> Shaped[np.ndarray, "rows ..."]:
    """With a row of zeros at the end of each episode, in place of an action that was never taken."""
    longer = np.zeros((len(rows) + demos.num_episodes, *rows.shape[1:]), rows.dtype)
    longer[np.arange(len(rows)) + demos.episode_of()] = rows
    return longer
