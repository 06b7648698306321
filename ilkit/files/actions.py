"""What recorded actions are: numbers, or choices written as whole numbers or one-hot vectors."""

from typing import Literal

import numpy as np
from jaxtyping import Int

from ilkit.data.spaces import Box, Discrete
from ilkit.errors import DataError
from ilkit.files.numbers import check_numeric, numbers

_LARGEST = 2**31 - 1


def recorded_actions(
    values: np.ndarray, space: Box | Discrete | None, kind: Literal["discrete", "continuous"] | None, what: str
) -> np.ndarray:
    """Actions as float32 vectors or as int32 choices: as the file's space says, or else the setting, or else the type.

    **Raises:** `DataError` where they are neither, or outside of a discrete space.
    """
    check_numeric(values.dtype, what)
    if isinstance(space, Discrete) or (space is None and kind == "discrete"):
        return choices(values, space, what)
    if space is None and kind is None and values.dtype.kind != "f" and _is_single(values):
        return choices(values, None, what)
    return numbers(values, what)


def choices(values: np.ndarray, space: Discrete | None, what: str) -> Int[np.ndarray, " steps"]:
    """Choices in the numbering of their space, from whole numbers, one a step, or from one-hot vectors.

    **Raises:** `DataError` where they are something else, or none of the space.
    """
    if not _is_single(values):
        if not is_one_hot(values) or (space is not None and values.shape[1] != space.size):
            wanted = "one-hot vectors" + (f" of {space.size} entries" if space else "")
            raise DataError(f"{what} must be one whole number a step, or {wanted}, got the shape {values.shape}.")
        return (values.argmax(axis=1) + (space.start if space else 0)).astype(np.int32)
    single = values.reshape(-1)
    first, last = (space.start, space.start + space.size - 1) if space else (-_LARGEST, _LARGEST)
    with np.errstate(invalid="ignore"):
        wrong = (single < first) | (single > last) | (single != np.floor(single) if single.dtype.kind == "f" else False)
    if wrong.any():
        step = int(wrong.argmax())
        raise DataError(
            f"{what} must be whole numbers from {first} to {last}, got {single[step].item()} at step {step}."
        )
    return single.astype(np.int32)


def ranged(actions: Int[np.ndarray, " steps"]) -> Discrete:
    """The discrete space from 0, or the least choice below, to the greatest."""
    start = min(0, int(actions.min()))
    return Discrete(size=max(int(actions.max()) - start + 1, 1), start=start)


def is_one_hot(values: np.ndarray) -> bool:
    """Whether each row is 1 in one of several entries, and 0 in all others."""
    if values.ndim != 2 or values.shape[1] < 2:
        return False
    return bool((((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)).all())


def _is_single(values: np.ndarray) -> bool:
    return values.ndim == 1 or values.shape[1:] == (1,)
