"""Demonstrations whose observations are vectors, for looks that go column by column."""

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space


class _Part(NamedTuple):
    name: str
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray


def as_vectors(demos: Demonstrations) -> Demonstrations:
    """The same episodes with the entries of a dictionary side by side, by name; of a picture its mean brightness."""
    if _is_vector(demos.spaces.observation):
        return demos
    parts = list(_parts(demos))
    low, high = (tuple(np.concatenate([part[end] for part in parts]).tolist()) for end in (2, 3))
    spaces = demos.spaces.model_copy(update={"observation": Box(low=low, high=high), "tasks": None})
    return dataclasses.replace(demos, obs=np.concatenate([part.rows for part in parts], axis=1), spaces=spaces)


def without_goals(demos: Demonstrations) -> Demonstrations:
    """The same episodes with what else was observed than goals, an array where that is one entry; all if nothing is."""
    space = demos.spaces.observation
    entries = dict(space.entries) if isinstance(space, Dict) else {}
    rest = [name for name in entries if name not in (ACHIEVED, DESIRED)]
    if not rest or len(rest) == len(entries):
        return demos
    seen: Space = entries[rest[0]] if len(rest) == 1 else Dict(entries={name: entries[name] for name in rest})  # type: ignore[arg-type]
    obs = demos.obs[rest[0]] if len(rest) == 1 else {name: demos.obs[name] for name in rest}
    return dataclasses.replace(demos, obs=obs, spaces=demos.spaces.model_copy(update={"observation": seen}))


def column_names(demos: Demonstrations) -> list[str]:
    """What the columns of these vectors are."""
    if _is_vector(demos.spaces.observation):
        return [f"obs {dim}" for dim in range(demos.obs.shape[1])]
    sizes = [(part.name, part.rows.shape[1]) for part in _parts(demos)]
    return [name if size == 1 else f"{name} {dim}" for name, size in sizes for dim in range(size)]


def _parts(demos: Demonstrations) -> Iterator[_Part]:
    space = demos.spaces.observation
    if not isinstance(space, Dict):
        yield _part("obs", demos.obs, space)
        return
    for name, entry in space.entries:
        yield _part(name, demos.obs[name], entry)


def _part(name: str, rows: np.ndarray, space: Box | Discrete | MultiDiscrete) -> _Part:
    flat = rows.reshape(len(rows), -1)
    if isinstance(space, Box):
        low, high = (end.ravel() for end in space.bounds)
        if len(space.shape) > 1 and not space.is_floating:
            return _Part(f"{name} mean", flat.mean(axis=1, keepdims=True, dtype=np.float32), low[:1], high[:1])
        return _Part(name, flat.astype(np.float32), low, high)
    sizes, start = (space.sizes, 0) if isinstance(space, MultiDiscrete) else ((space.size,), space.start)
    first = np.full(len(sizes), float(start))
    return _Part(name, flat.astype(np.float32), first, first + np.asarray(sizes) - 1)


def _is_vector(space: Space) -> bool:
    return isinstance(space, Box) and space.is_floating and len(space.shape) == 1
