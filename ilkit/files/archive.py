"""NumPy archives, whose arrays are checked by their headers before they are read."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ilkit.errors import DataError, held
from ilkit.files.numbers import check_numeric
from ilkit.files.recording import MAX_EXPANSION, reading


class Archive:
    """An open archive; what is read of it, all in all, may be a thousand times its size and no more."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self.names = {name.removesuffix(".npy") for name in file.namelist() if name.endswith(".npy")}
        self._file = file
        self._left = MAX_EXPANSION * path.stat().st_size

    def array(self, name: str, *, rows: bool = True) -> np.ndarray:
        """Reads an array of numbers, of rows unless a single number will do.

        **Raises:** `DataError` where it is missing, not numeric, or its header claims another size than it has.
        """
        what = f"{self.path}, {name}"
        if name not in self.names:
            raise DataError(f"{self.path} has no array {name!r}. {held(self.names)}")
        member = self._file.getinfo(f"{name}.npy")
        self._left -= member.file_size
        if self._left < 0:
            raise DataError(
                f"{what} claims {member.file_size} bytes: all that is read would be more than {MAX_EXPANSION} times "
                "the size of the file. It is damaged, or made to fill the memory."
            )
        with self._file.open(member) as stream:
            size = _claimed_size(stream, what, rows=rows)
            if size != member.file_size:
                raise DataError(f"{what} must have {size} bytes by its header, got {member.file_size}. It is damaged.")
        with self._file.open(member) as stream:
            found: np.ndarray = npy.read_array(stream, allow_pickle=False)
        return found


@contextmanager
def open_npz(path: Path) -> Iterator[Archive]:
    """Opens an archive.

    **Raises:** `DataError` for whatever goes wrong.
    """
    with reading(path, "a NumPy archive (.npz)"), zipfile.ZipFile(path) as file:
        yield Archive(path, file)


def _claimed_size(stream: Any, what: str, *, rows: bool) -> int:
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise DataError(f"{what} must be of the npy format 1.0 or 2.0, got {version}. Store it again.")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    check_numeric(dtype, what)
    if rows and not shape:
        raise DataError(f"{what} must hold rows, got a single number. Is it the array that you mean?")
    size = dtype.itemsize
    for length in shape:
        if length < 0:
            raise DataError(f"{what} must have no negative length, got the shape {shape}.")
        size *= length
    return stream.tell() + size
