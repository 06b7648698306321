"""Recorded demonstrations in the spaces of an environment, to learn from."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Dict, Discrete, Leaf, MultiDiscrete, Space, Spaces, described
from ilkit.errors import DataError
from ilkit.files.actions import choices


def adopt(demos: Demonstrations, spaces: Spaces, path: Path) -> Demonstrations:
    """The same episodes with the spaces of an environment, which says what their numbers are.

    Whole numbers and one-hot vectors are choices where the environment's actions are discrete, and numbers where they
    are vectors. Observations get the names, shapes and types of the environment's.

    **Raises:** `DataError`, which names the file, where they don't fit.
    """
    where = f"{path} must fit the environment:"
    obs = _observed(demos.obs, spaces.observation, f"{where} observations")
    return dataclasses.replace(demos, obs=obs, actions=_meant(demos.actions, spaces.action, where), spaces=spaces)


def check_finite(demos: Demonstrations, path: Path) -> None:
    """Checks that nothing learns from numbers that aren't.

    **Raises:** `DataError` with the first place of one.
    """
    columns = [("obs", column, demos.lengths + 1) for column in jax.tree.leaves(demos.obs)]
    for name, rows, counts in (*columns, ("actions", demos.actions, demos.lengths)):
        bad = ~np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            episode = int(np.searchsorted(np.cumsum(counts), row, side="right"))
            raise DataError(
                f"{path}: {name} must be finite to learn from, got nan or infinity in episode {episode}, step "
                f"{row - int(counts[:episode].sum())}. `ilkit data check` names all such steps, skip_episodes leaves "
                "episodes out."
            )


def _observed(rows: Any, space: Space, what: str) -> Any:
    if not isinstance(space, Dict):
        if isinstance(rows, dict):
            raise _unfit(rows, space, what)
        return _cast(rows, space, what)
    names = [name for name, _ in space.entries]
    if not isinstance(rows, dict) or sorted(rows) != names:
        raise _unfit(rows, space, what)
    return {name: _cast(rows[name], entry, f"{what} {name}") for name, entry in space.entries}


def _cast(rows: np.ndarray, space: Leaf, what: str) -> np.ndarray:
    if np.prod(rows.shape[1:]) != np.prod(space.shape):
        raise _unfit(rows, space, what)
    shaped = rows.reshape(len(rows), *space.shape)
    with np.errstate(invalid="ignore"):
        cast: np.ndarray = shaped.astype(space.dtype)
    if not np.array_equal(cast, shaped, equal_nan=rows.dtype.kind == "f"):
        raise DataError(f"{what} must be {space.dtype}, got numbers that aren't. Record them as the environment does.")
    return cast


def _meant(actions: np.ndarray, space: Leaf, where: str) -> np.ndarray:
    if isinstance(space, Discrete):
        return choices(actions, space, f"{where} actions")
    if isinstance(space, MultiDiscrete):
        return _cast(actions, space, f"{where} actions")
    numbers = actions.astype(np.float32)[:, None] if actions.ndim == 1 else actions
    if numbers.shape[1:] != space.shape:
        raise _unfit(numbers, space, f"{where} actions")
    return numbers


def _unfit(rows: Any, space: Space, what: str) -> DataError:
    got = f"a dictionary of {', '.join(rows)}" if isinstance(rows, dict) else f"arrays of shape {rows.shape[1:]}"
    return DataError(
        f"{what} must be {described(space)}, got {got}. Choose the env that it was recorded in, with the same wrappers "
        "and names."
    )
