"""Recorded actions held against the bounds of the environment that they are learnt for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box
from ilkit.errors import DataError

_ROUNDING = 1e-5
"""How far numbers that were stored otherwise may be off, as a share of a bound."""


def check_bounds(demos: Demonstrations, path: Path, named: Callable[[int], str]) -> None:
    """Checks that all actions are ones that can be done; `named` says which episode is meant.

    **Raises:** `DataError` with the first action that is outside of the action space.
    """
    space = demos.spaces.action
    if not isinstance(space, Box):
        return
    low, high = (np.asarray(end, np.float64) for end in space.bounds)
    slack = [_ROUNDING * np.where(np.isfinite(end), np.abs(end), 0.0) for end in (low, high)]
    outside = ((demos.actions < low - slack[0]) | (demos.actions > high + slack[1])).reshape(demos.num_steps, -1)
    if not outside.any():
        return
    row = int(outside.any(axis=1).argmax())
    entry, episode = int(outside[row].argmax()), int(demos.episode_of(np.asarray([row]))[0])
    ends = [float(np.broadcast_to(end, space.shape).reshape(-1)[entry]) for end in (low, high)]
    raise DataError(
        f"{path}: actions must be within the bounds of the environment, {ends[0]:g} to {ends[1]:g}, got "
        f"{demos.actions[row].reshape(-1)[entry]:g} in {named(episode)}, step {row - int(demos.starts[episode])}, "
        f"entry {entry}. Clip them in the file, as the environment does, or choose the env that they were recorded in."
    )
