"""Recorded observations: vectors of float32, pictures in their own type, or dictionaries of these."""

from pathlib import Path

import numpy as np

from ilkit.data.spaces import Box, Dict
from ilkit.errors import DataError
from ilkit.files.numbers import check_numeric, numbers
from ilkit.files.recording import Columns, Source


def observations(values: Columns, what: str) -> Columns:
    """Rows of small integers with two axes or more, such as pictures, as they are; all other rows as float32 vectors.

    **Raises:** `DataError` where they are no numbers, or infinite.
    """
    if isinstance(values, dict):
        return {name: _rows(values[name], f"{what} {name}") for name in sorted(values)}
    return _rows(values, what)


def observed_space(rows: Columns, given: Box | Dict | None, path: Path) -> Box | Dict:
    """The space of rows: the one given, or else without bounds.

    **Raises:** `DataError` where it has other names or sizes.
    """
    if isinstance(rows, dict):
        spaces = dict(given.entries) if isinstance(given, Dict) else {}
        if spaces and set(spaces) != set(rows):
            raise DataError(f"{path} says that observations are {', '.join(spaces)}, but holds {', '.join(rows)}.")
        known = {name: space if isinstance(space, Box) else None for name, space in spaces.items()}
        return Dict(entries={name: _space(column, known.get(name), path) for name, column in rows.items()})  # type: ignore[arg-type]
    return _space(rows, given if isinstance(given, Box) else None, path)


def described_rows(rows: Columns) -> str:
    """The type and shape of a row, of each name where there are several."""
    if isinstance(rows, dict):
        return ", ".join(f"{name} of {described_rows(column)}" for name, column in rows.items())
    return f"{rows.dtype} of shape {rows.shape[1:]}"


def beside(columns: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """Columns side by side in this order."""
    if len(names) == 1:
        return columns[names[0]]
    return np.concatenate([columns[name].reshape(len(columns[name]), -1) for name in names], axis=1)


def note_order(names: tuple[str, ...], source: Source) -> None:
    """Says that names were put side by side in an order that isn't the one in which environments are flattened."""
    if list(names) != sorted(names):
        source.note(
            f"{source.path}: {', '.join(names)} stand side by side in this order, while gymnasium flattens such "
            f"dictionaries in the order {', '.join(sorted(names))}. join: false keeps and compares their names."
        )


def unbounded(size: int) -> Box:
    """The box of vectors without limits."""
    return Box(low=(-np.inf,) * size, high=(np.inf,) * size)


def _rows(values: np.ndarray, what: str) -> np.ndarray:
    check_numeric(values.dtype, what)
    if values.ndim > 2 and values.size and values.dtype.kind in "iu" and values.dtype.itemsize < 4:
        return np.ascontiguousarray(values)
    return numbers(values, what)


def _space(rows: np.ndarray, given: Box | None, path: Path) -> Box:
    shape = rows.shape[1:]
    if given is not None and given.size != np.prod(shape):
        raise DataError(f"{path} says that observations have size {given.size}, but holds {np.prod(shape)}.")
    if rows.dtype == np.float32:
        return unbounded(shape[0]) if given is None else Box(shape=shape, low=given.low, high=given.high)
    limits = np.iinfo(rows.dtype)
    low, high = (float(limits.min), float(limits.max)) if given is None else (given.low, given.high)
    return Box(shape=shape, low=low, high=high, dtype=str(rows.dtype))  # type: ignore[arg-type]
