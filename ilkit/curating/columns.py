"""Dimensions that say nothing, or what another one says."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from ilkit.curating.fault import Fault, Place
from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import counted

_CHUNK = 1 << 15
_PROBE = 4096


def column_faults(demos: Demonstrations) -> tuple[Fault, ...]:
    """Dimensions that are constant, equal another one, or hold the action."""
    actions = demos.actions.reshape(len(demos.actions), -1)
    return (
        *_constant(demos.obs, "obs"),
        *_constant(actions, "actions"),
        *_duplicated(demos.obs, "obs"),
        *_duplicated(actions, "actions"),
        *_leaked(demos, actions),
    )


def column_ends(rows: np.ndarray) -> tuple[Float[np.ndarray, " dims"], Float[np.ndarray, " dims"]]:
    """The smallest and the largest number of each column, in chunks of rows; NaN where a column has no number."""
    low = high = np.full(rows.shape[1], np.nan)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        low = np.fmin(low, np.fmin.reduce(chunk, axis=0))
        high = np.fmax(high, np.fmax.reduce(chunk, axis=0))
    return low, high


def _varies(rows: np.ndarray) -> Bool[np.ndarray, " dims"]:
    low, high = column_ends(rows)
    varies: np.ndarray = low < high
    return varies


def _constant(rows: np.ndarray, name: str) -> Iterator[Fault]:
    low, high = column_ends(rows)
    dims = np.flatnonzero(low == high)  # not where nothing is a number, which is another fault
    if len(rows) > 1 and len(dims):
        told = f"{len(dims):,} of {counted(rows.shape[1], 'dimension')}"
        remedy = "A learner can't divide by their deviation; leave them out, or vary what they measure."
        yield Fault(f"{name} constant", len(dims), told, _dimensions(dims), remedy)


def _duplicated(rows: np.ndarray, name: str) -> Iterator[Fault]:
    varies = _varies(rows)
    different: dict[bytes, list[int]] = {}
    pairs = []
    for dim, probe in enumerate(_probes(rows)):
        alike = different.setdefault(probe, [])
        earlier = next((one for one in alike if varies[dim] and _equal(rows[:, one], rows[:, dim])), None)
        alike.append(dim) if earlier is None else pairs.append((earlier, dim))
    if pairs:
        dims = np.asarray(pairs)[:, 1]
        told = f"{counted(len(pairs), 'dimension')}, of which {pairs[0][1]} equals {pairs[0][0]} in every row"
        yield Fault(f"{name} duplicated", len(pairs), told, _dimensions(dims), "Leave one of each pair out.")


def _leaked(demos: Demonstrations, actions: np.ndarray) -> Iterator[Fault]:
    if demos.actions.dtype.kind != "f":
        return
    before = demos.before()
    probes = {probe: dim for dim, probe in reversed(list(enumerate(_probes(before))))}
    varies = _varies(actions)
    for dim, probe in enumerate(_probes(actions)):
        held = probes.get(probe)
        if held is not None and varies[dim] and _equal(before[:, held], actions[:, dim]):
            told = f"dimension {dim} of every action is dimension {held} of the observation before it"
            remedy = "A policy would copy it, and have nothing to copy when it acts: leave the dimension out."
            yield Fault("obs hold the action", 1, told, (), remedy)
            return


def _probes(rows: np.ndarray) -> Iterator[bytes]:
    """The first entries of each column as bytes, by which columns that may be equal are found."""
    return (np.ascontiguousarray(column + 0.0).tobytes() for column in rows[:_PROBE].T)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


def _dimensions(dims: np.ndarray) -> tuple[Place, ...]:
    return tuple(Place(dimension=int(dim)) for dim in dims[:8])
