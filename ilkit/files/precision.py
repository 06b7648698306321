"""What float32 can't tell apart of numbers that were recorded more finely."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Int

from ilkit.errors import counted
from ilkit.files.recording import Episode

Pair = tuple[str, np.ndarray, np.ndarray]
"""A name, rows as recorded, and the same as kept."""

_FINE = ("float64", "longdouble", "int32", "int64", "uint32", "uint64")
_MATTERS = 1e-6
"""The least change that matters, in units of the range that a column has in its episode."""


class Precision:
    """Counts, column by column, the changes between neighboring rows that vanish in float32."""

    def __init__(self) -> None:
        self._lost: dict[str, Int[np.ndarray, " columns"]] = {}

    def compare(self, raw: Episode, kept: Episode) -> None:
        """Compares an episode as recorded with what is kept of it."""
        for name, fine, rows in (*_observed(raw.obs, kept.obs), *_others(raw, kept)):
            if rows.dtype == np.float32 and fine.dtype.name in _FINE and len(rows) > 1:
                lost = _vanished(fine.reshape(len(fine), -1), rows.reshape(len(rows), -1))
                self._lost[name] = self._lost.get(name, 0) + lost

    def told(self) -> Iterator[str]:
        """A sentence for each column that has lost changes."""
        for name, columns in self._lost.items():
            for dim in np.flatnonzero(columns):
                column = name if name == "rewards" else f"{name} {dim}"
                yield (
                    f"{column}: {counted(int(columns[dim]), 'change')} from step to step vanish in float32, which "
                    "holds seven digits. Subtract an offset before you save it."
                )


def _observed(raw: Any, kept: Any) -> list[Pair]:
    if isinstance(raw, dict):
        return [(f"obs {name}", raw[name], kept[name]) for name in raw]
    return [("obs", raw, kept)]


def _others(raw: Episode, kept: Episode) -> list[Pair]:
    pairs = [("actions", raw.actions, kept.actions)]
    return pairs if raw.rewards is None or kept.rewards is None else [*pairs, ("rewards", raw.rewards, kept.rewards)]


def _vanished(fine: np.ndarray, rows: np.ndarray) -> Int[np.ndarray, " columns"]:
    lost = rows[1:] == rows[:-1]
    for dim in np.flatnonzero(lost.any(axis=0)):
        column = fine[:, dim].astype(np.longdouble)
        with np.errstate(all="ignore"):
            by = np.abs(np.diff(column))
            lost[:, dim] &= (by > 0) & (by > _MATTERS * np.ptp(column))
    count: np.ndarray = lost.sum(axis=0)
    return count
