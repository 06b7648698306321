"""gymnasium's spaces as ilkit's."""

from typing import Any

import gymnasium
import numpy as np

from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete


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
