"""Room for rows, in round numbers of them, so that one row more compiles nothing."""

import math

import numpy as np

_FINE_FROM = 1 << 16


def capacity_of(count: int) -> int:
    """The next power of two; above 2¹⁶ the next multiple of an eighth of the last one, which wastes less memory."""
    unit = 1 << max(count - 1, 0).bit_length()
    if count > _FINE_FROM:
        unit >>= 4
    return -(-count // unit) * unit


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array that JAX takes over on a CPU without a copy."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)
