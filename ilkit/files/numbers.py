"""Arrays of recordings, which must be numbers."""

import numpy as np
from jaxtyping import Float

from ilkit.errors import DataError


def numbers(values: np.ndarray, what: str) -> Float[np.ndarray, "rows entries"]:
    """An array of numbers as float32 rows; `what` names it.

    **Raises:** `DataError` where it holds no numbers, no entries, or one that is infinite as a float32.
    """
    check_numeric(values.dtype, what)
    if values.ndim < 1 or values.size == 0:
        raise DataError(f"{what} must be rows of numbers, got the shape {values.shape}.")
    with np.errstate(all="ignore"):
        rows = np.ascontiguousarray(values.reshape(len(values), -1), np.float32)
    infinite = np.isinf(rows).any(axis=1)
    if infinite.any():
        raise DataError(
            f"{what} must be finite as float32 (or NaN where nothing was recorded), "
            f"got {values[infinite][0].tolist()!r:.80} at step {int(infinite.argmax())}."
        )
    return rows


def check_numeric(dtype: np.dtype, what: str) -> None:
    """Checks that an array, before it is read, holds real numbers or booleans.

    **Raises:** `DataError`.
    """
    if dtype.kind not in "fiub":
        raise not_numeric(dtype, what)


def not_numeric(dtype: np.dtype, what: str) -> DataError:
    """The error about an array that holds no numbers."""
    reason = " An array of Python objects would have to be unpickled, which can run any code." * dtype.hasobject
    return DataError(f"{what} must hold numbers, got {dtype}.{reason} Store it again as float32 or int32.")
