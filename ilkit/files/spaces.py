"""Spaces as gymnasium's are described in recordings."""

import math
from typing import Any

import numpy as np

from ilkit.data.spaces import Box, Dict, Discrete, MultiDiscrete, Space

_LARGEST = 10**7


def box_of(space: Any) -> Box | None:
    """The box of this description, as that of a vector; none where it describes something else."""
    if not isinstance(space, dict) or space.get("type") != "Box":
        return None
    size = math.prod(int(length) for length in space.get("shape", ()))
    ends = [np.asarray(space.get(end), np.float64).ravel() for end in ("low", "high")]
    if not 0 < size <= _LARGEST or any(end.size not in (1, size) or np.isnan(end).any() for end in ends):
        return None
    low, high = (tuple(np.broadcast_to(end, size).tolist()) for end in ends)
    return Box(low=low, high=high)


def discrete_of(space: Any) -> Discrete | None:
    """The discrete space of this description; none where it describes something else."""
    if not isinstance(space, dict) or space.get("type") != "Discrete":
        return None
    size, start = int(space["n"]), int(space.get("start", 0))
    return Discrete(size=size, start=start) if 0 < size < 2**31 and abs(start) < 2**31 - size else None


def described(space: Space) -> dict[str, Any]:
    """The description of a space."""
    if isinstance(space, Dict):
        return {"type": "Dict", "subspaces": {name: described(entry) for name, entry in space.entries}}
    if isinstance(space, Discrete):
        return {"type": "Discrete", "dtype": "int64", "start": space.start, "n": space.size}
    if isinstance(space, MultiDiscrete):
        return {"type": "MultiDiscrete", "dtype": "int64", "nvec": list(space.sizes)}
    low, high = (end.tolist() for end in space.bounds)
    return {"type": "Box", "dtype": space.dtype, "shape": list(space.shape), "low": low, "high": high}
