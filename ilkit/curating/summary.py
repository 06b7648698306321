"""What demonstrations hold, in numbers."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ilkit.curating.flat import as_vectors, column_names
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.spaces import Box, Discrete, MultiDiscrete

_CHUNK = 1 << 15


class Range(NamedTuple):
    """The smallest number, the one in the middle, and the largest."""

    minimum: float
    median: float
    maximum: float


class Column(NamedTuple):
    """The range of one dimension; of what is finite in it."""

    name: str
    minimum: float
    mean: float
    std: float
    maximum: float
    at_bounds: float | None
    """The share of rows at or beyond the bounds of the space; None where it has none."""


class Summary(NamedTuple):
    """Counts, returns, and the range of every dimension."""

    num_episodes: int
    num_steps: int
    num_counted: int
    """How many of them have a weight above 0."""
    num_terminated: int
    num_truncated: int
    lengths: Range
    returns: Range | None
    """None where the source recorded no rewards."""
    obs: tuple[Column, ...]
    actions: tuple[Column, ...]
    action_shares: tuple[float, ...]
    """How often each action was taken, where they are discrete."""


def summarize(demos: Demonstrations) -> Summary:
    """The summary of demonstrations whose lengths and rows agree."""
    space, seen = demos.spaces.action, as_vectors(demos)
    returns = known_returns(demos)
    names = [f"action {dim}" for dim in range(math.prod(space.shape))]
    return Summary(
        num_episodes=demos.num_episodes,
        num_steps=demos.num_steps,
        num_counted=demos.num_counted,
        num_terminated=int(demos.terminated.sum()),
        num_truncated=int(demos.truncated.sum()),
        lengths=_range(demos.lengths),
        returns=_range(returns) if len(returns) else None,
        obs=_columns(seen.obs, seen.spaces.observation, column_names(demos)),  # type: ignore[arg-type]
        actions=() if isinstance(space, Discrete) else _columns(demos.actions, space, names),
        action_shares=_shares(demos.actions, space.size) if isinstance(space, Discrete) else (),
    )


def known_returns(demos: Demonstrations) -> Float[np.ndarray, " episodes"]:
    """The returns of the episodes whose rewards were all recorded."""
    returns = demos.returns
    return returns[np.isfinite(returns)]


def _range(numbers: np.ndarray) -> Range:
    return Range(float(numbers.min()), float(np.median(numbers)), float(numbers.max()))


def _shares(actions: np.ndarray, size: int) -> tuple[float, ...]:
    inside = actions[(actions >= 0) & (actions < size)]
    return tuple((np.bincount(inside.astype(np.int64), minlength=size) / max(len(actions), 1)).tolist())


def _columns(rows: np.ndarray, space: Box | MultiDiscrete, names: list[str]) -> tuple[Column, ...]:
    """The columns, summed in chunks around the first row, so that large means lose no digits."""
    low, high = np.asarray(space.bounds, np.float32)
    center = np.nan_to_num(rows[0].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    count, total, squares, beyond = (np.zeros(rows.shape[1]) for _ in range(4))
    least, most = np.full(rows.shape[1], np.inf), np.full(rows.shape[1], -np.inf)
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        finite = np.isfinite(chunk)
        moved = np.where(finite, chunk - center, 0.0)
        count += finite.sum(axis=0)
        total += moved.sum(axis=0)
        squares += np.einsum("ij,ij->j", moved, moved)
        beyond += ((chunk <= low) | (chunk >= high)).sum(axis=0)
        least = np.minimum(least, chunk.min(axis=0, where=finite, initial=np.inf))
        most = np.maximum(most, chunk.max(axis=0, where=finite, initial=-np.inf))
    divisor = np.maximum(count, 1.0)
    std = np.sqrt(np.maximum(squares / divisor - (total / divisor) ** 2, 0.0))
    numbers = np.where(count > 0, np.stack([least, center + total / divisor, std, most]), np.nan).T
    shares = np.where(np.isfinite(low) | np.isfinite(high), beyond / len(rows), np.nan)
    return tuple(
        Column(name, float(low), float(mean), float(dev), float(high), None if np.isnan(at) else float(at))
        for name, (low, mean, dev, high), at in zip(names, numbers, shares, strict=True)
    )
