"""Copying arrays that are mapped from a file, so that they aren't in memory twice."""

import mmap

import numpy as np

_PIECE = 1 << 26


def copy_rows(rows: np.ndarray, to: np.ndarray) -> None:
    """Copies rows piece by piece; pages of a file that is mapped for reading are let go once they were copied."""
    mapping = _mapping_of(rows)
    size = max(1, _PIECE * len(rows) // max(rows.nbytes, 1))
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        to[start : start + len(piece)] = piece
        if mapping is not None:
            mapping.madvise(mmap.MADV_DONTNEED)


def _mapping_of(rows: np.ndarray) -> mmap.mmap | None:
    """The mapping that an array is a view of, where letting go of its pages loses nothing."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return None
    owner: object = rows
    while isinstance(owner, np.ndarray):
        if isinstance(owner, np.memmap) and owner.mode == "r" and isinstance(owner.base, mmap.mmap):
            return owner.base
        owner = owner.base
    return None
