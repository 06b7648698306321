"""Recordings of several tasks as one: an entry `task` of what is observed says which task a step is of."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import PyTree

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.goal_entries import OBSERVATION
from ilkit.data.spaces import Box, Dict, Discrete, Space, Spaces, Tasks, described, difference
from ilkit.errors import DataError

TASK = "task"


def check_alike(demos: Mapping[str, Demonstrations], remedy: str) -> None:
    """Checks that recordings can be put together.

    **Raises:** `DataError` where there is none, or they were recorded in different spaces: which differs, and how.
    """
    if not demos:
        raise DataError("stages.join needs recordings to put together. Name them: stages.join(params.join, first=...).")
    first, ours = next(iter(demos.items()))
    for other, theirs in demos.items():
        differing = difference(ours.spaces, theirs.spaces)
        if differing:
            raise DataError(
                f"Recordings that are put together must have the same spaces, and those of {other} differ from those "
                f"of {first}: {differing}. {remedy}"
            )


def put_together(
    demos: Mapping[str, Demonstrations], space: Box | Discrete, values: Mapping[str, tuple[float, ...]]
) -> Demonstrations:
    """All episodes, one recording after the other, each with the value of its task as an entry of what is observed.

    What else is observed becomes the entry `observation`, unless it is a dictionary already.

    **Raises:** `DataError` where the recordings differ in their spaces, or tell tasks apart already.
    """
    check_alike(demos, "Record tasks where the same is observed and the same can be done.")
    before = next(iter(demos.values())).spaces
    entries = {**entries_of(before.observation), TASK: space}
    if TASK in entries_of(before.observation):
        raise DataError(
            f"Recordings of tasks must have no entry {TASK} yet, got {described(before.observation)}. Put all of them "
            "together at once, each on its own."
        )
    tasks = Tasks(observation=before.observation, values=tuple((name, values[name]) for name in demos))
    spaces = Spaces(observation=Dict(entries=entries), action=before.action, tasks=tasks)  # type: ignore[arg-type]
    told = []
    for name, one in demos.items():
        rows = np.broadcast_to(value_in(space, values[name]), (one.num_obs, *space.shape))
        told.append(replace(one, obs={**as_entries(one.obs), TASK: rows}, spaces=spaces))
    return concatenate(told)


def value_in(space: Space, value: tuple[float, ...]) -> np.ndarray:
    """Numbers as an element of a space that is no dictionary."""
    assert not isinstance(space, Dict)
    return np.asarray(value, space.dtype).reshape(space.shape)


def entries_of(space: Space) -> Mapping[str, Space]:
    """The entries of what is observed; of one that is no dictionary, `observation` alone."""
    return dict(space.entries) if isinstance(space, Dict) else {OBSERVATION: space}


def as_entries(obs: PyTree) -> dict[str, Any]:
    """What is observed as a dictionary, `observation` alone where it isn't one."""
    return dict(obs) if isinstance(obs, Mapping) else {OBSERVATION: obs}
