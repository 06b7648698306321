"""gymnasium's spaces as ilkit's, and back."""

from typing import Any

import gymnasium
import numpy as np

from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space


def space_of(space: Any) -> Any:
    """The space of ilkit that a space of gymnasium is, with types of 32 bits where it has 64."""
    if isinstance(space, gymnasium.spaces.Dict):
        return Dict(entries=tuple((name, space_of(entry)) for name, entry in space.items()))
    if isinstance(space, gymnasium.spaces.Discrete):
        return Discrete(size=int(space.n), start=int(space.start))
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return MultiDiscrete(sizes=tuple(space.nvec.tolist()))
    if isinstance(space, gymnasium.spaces.MultiBinary):
        return Box(shape=space.shape, low=0.0, high=1.0, dtype="int8")
    dtype: Any = "float32" if np.issubdtype(space.dtype, np.floating) else str(space.dtype).replace("64", "32")
    low, high = (end.astype(np.float32).ravel().tolist() for end in (space.low, space.high))
    return Box(shape=space.shape, low=tuple(low), high=tuple(high), dtype=dtype)


def gymnasium_space(space: Space) -> gymnasium.spaces.Space[Any]:
    """The space of gymnasium that a space of ilkit is."""
    if isinstance(space, Dict):
        return gymnasium.spaces.Dict({name: gymnasium_space(entry) for name, entry in space.entries})
    if isinstance(space, Discrete):
        return gymnasium.spaces.Discrete(space.size, start=space.start)
    if isinstance(space, MultiDiscrete):
        return gymnasium.spaces.MultiDiscrete(list(space.sizes))
    low, high = (end.astype(space.dtype) for end in space.bounds)
    return gymnasium.spaces.Box(low, high, space.shape, np.dtype(space.dtype).type)
