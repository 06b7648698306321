"""Recorded demonstrations in the spaces of an environment, to learn from."""

from pathlib import Path

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, Spaces, check_spaces
from ilkit.errors import DataError
from ilkit.files.actions import choices


def adopt(demos: Demonstrations, spaces: Spaces, path: Path) -> Demonstrations:
    """The same episodes with the spaces of an environment, which says what their actions are.

    Whole numbers and one-hot vectors are choices where the environment's actions are discrete, and numbers where they
    are vectors.

    **Raises:** `DataError`, which names the file, where they don't fit.
    """
    actions = _meant(demos, spaces.action, path)
    ours = spaces.action if actions.ndim == 1 else Box.symmetric((np.inf,) * actions.shape[1])
    found = Spaces(observation=demos.spaces.observation, action=ours)
    try:
        check_spaces(spaces, found)
    except DataError as error:
        raise DataError(
            f"{path} must fit the environment: it has observations of size {found.observation.size} and actions "
            f"{_named(ours)}, the environment {spaces.observation.size} and {_named(spaces.action)}. "
            "Choose the env that it was recorded in, with the same wrappers."
        ) from error
    return Demonstrations(
        demos.obs, actions, demos.rewards, demos.terminated, demos.truncated, demos.lengths, spaces=spaces
    )


def check_finite(demos: Demonstrations, path: Path) -> None:
    """Checks that nothing learns from numbers that aren't.

    **Raises:** `DataError` with the first place of one.
    """
    for name, counts in (("obs", demos.lengths + 1), ("actions", demos.lengths)):
        rows = getattr(demos, name)
        bad = ~np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            episode = int(np.searchsorted(np.cumsum(counts), row, side="right"))
            raise DataError(
                f"{path}: {name} must be finite to learn from, got nan or infinity in episode {episode}, step "
                f"{row - int(counts[:episode].sum())}. `ilkit data check` names all such steps, skip_episodes leaves "
                "episodes out."
            )


def _meant(demos: Demonstrations, space: Box | Discrete, path: Path) -> np.ndarray:
    actions = demos.actions
    if isinstance(space, Discrete):
        return choices(actions, space, f"{path} must fit the environment: actions")
    return actions.astype(np.float32)[:, None] if actions.ndim == 1 else actions


def _named(space: Box | Discrete) -> str:
    if isinstance(space, Box):
        return f"of size {space.size}"
    return f"from {space.start} to {space.start + space.size - 1}"
