"""Spaces as gymnasium's are described in recordings."""

import math
from typing import Any

import numpy as np

from ilkit.data.spaces import Box, Discrete

_LARGEST = 10**7


def box_of(space: Any) -> Box | None:
    """The box of this description, as a vector; none where it describes something else."""
    if not isinstance(space, dict) or space.get("type") != "Box":
        return None
    size = math.prod(int(length) for length in space.get("shape", ()))
    ends = [np.asarray(space.get(end), np.float64).ravel() for end in ("low", "high")]
    if not 0 < size <= _LARGEST or any(end.size not in (1, size) or np.isnan(end).any() for end in ends):
        return None
    low, high = (tuple(np.broadcast_to(end, size).tolist()) for end in ends)
    return Box(low=low, high=high)


def discrete_of(space: Any) -> tuple[int, Discrete] | None:
    """The first action and the discrete space of this description; none where it describes something else."""
    if not isinstance(space, dict) or space.get("type") != "Discrete":
        return None
    size = int(space["n"])
    return (int(space.get("start", 0)), Discrete(size=size)) if 0 < size < 2**31 else None


def described(space: Box | Discrete) -> dict[str, Any]:
    """The description of a space."""
    if isinstance(space, Discrete):
        return {"type": "Discrete", "dtype": "int64", "start": space.start, "n": space.size}
    return {
        "type": "Box",
        "dtype": "float32",
        "shape": list(space.shape),
        "low": space.bounds[0].tolist(),
        "high": space.bounds[1].tolist(),
    }
