"""HDF5 files, whose groups and arrays are checked before they are read."""

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ilkit.errors import DataError, held
from ilkit.files.numbers import not_numeric
from ilkit.files.recording import MAX_EXPANSION, reading


class Hdf5:
    """An open HDF5 file; what is read of it, all in all, may be a thousand times its size and no more."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path = path
        self.root = file
        self._left = MAX_EXPANSION * path.stat().st_size

    def group(self, parent: Any, name: str) -> Any:
        """The group of this name.

        **Raises:** `DataError` where there is none, it is a link to elsewhere or an array.
        """
        import h5py

        found = self._member(parent, name)
        if not isinstance(found, h5py.Group):
            raise DataError(f"{self.path}, {self._at(parent, name)} must be a group, got {found!r:.80}.")
        return found

    def is_group(self, parent: Any, name: str) -> bool:
        """Whether there is a group of this name."""
        import h5py

        return name in parent and isinstance(self._member(parent, name), h5py.Group)

    def rows(self, parent: Any, name: str) -> int:
        """The number of rows of an array, which isn't read."""
        shape = self._dataset(parent, name).shape
        return int(shape[0])

    def array(self, parent: Any, name: str, *, rows: int | None = None) -> np.ndarray:
        """Reads an array of numbers.

        **Raises:** `DataError` where it is missing, not numeric, has other than these rows, or is larger than the file
        can justify.
        """
        import h5py

        dataset = self._dataset(parent, name)
        if rows is not None and dataset.shape[0] != rows:
            raise DataError(
                f"{self.path}, {self._at(parent, name)} must have {rows} rows, got {dataset.shape[0]}. Is it cut off?"
            )
        shape, dtype = dataset.shape, dataset.dtype
        self._spend(math.prod(shape) * dtype.itemsize, dataset)
        found = np.empty(shape, dtype)
        if found.size:
            dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, found)  # faster than read_direct
        return found

    def texts(self, parent: Any, name: str) -> list[str]:
        """Reads a list of short names, of fixed or variable length."""
        import h5py

        found = self._member(parent, name)
        listed = isinstance(found, h5py.Dataset) and found.ndim == 1 and found.dtype.kind in "SO"
        if not listed or found.is_virtual or found.external:
            raise DataError(f"{self.path}, {self._at(parent, name)} must be a list of names.")
        self._spend(max(found.dtype.itemsize, 1) * len(found), found)
        return [one.decode() if isinstance(one, bytes) else str(one) for one in found[()]]

    def optional(self, parent: Any, name: str, *, rows: int | None = None) -> np.ndarray | None:
        """Reads an array of numbers, if it is there."""
        return self.array(parent, name, rows=rows) if name in parent else None

    def columns(self, parent: Any, names: Iterable[str], *, rows: int | None = None) -> dict[str, np.ndarray]:
        """Reads several arrays with equally many rows; `a/b` is the array b of the group a."""
        found: dict[str, np.ndarray] = {}
        for name in names:
            *folders, last = name.split("/")
            group = parent
            for folder in folders:
                group = self.group(group, folder)
            found[name] = self.array(group, last, rows=rows)
            first, column = next(iter(found.items()))
            if len(found[name]) != len(column):
                at, got = self._at(parent, name), len(found[name])
                raise DataError(f"{self.path}, {at} must have {len(column)} rows like {first}, got {got}.")
        return found

    def leaves(self, parent: Any) -> list[str]:
        """The names of all arrays in a group and the groups inside it; `a/b` is the array b of the group a."""
        found = []
        for name in names_in(parent):
            inside = self.leaves(self.group(parent, name)) if self.is_group(parent, name) else None
            found += [name] if inside is None else [f"{name}/{one}" for one in inside]
        return found

    def numbered(self, parent: Any, prefix: str) -> list[str]:
        """The members that are called by this prefix and a number, in the order of the numbers."""
        found = [name for name in names_in(parent) if re.fullmatch(rf"{prefix}\d{{1,18}}", name)]
        if not found:
            raise DataError(
                f"{self.path}, {parent.name} must have groups {prefix}0, {prefix}1 and so on, got "
                f"{', '.join(names_in(parent)[:5]) or 'nothing'}. Is it of another format?"
            )
        return sorted(found, key=lambda name: int(name.removeprefix(prefix)))

    def _spend(self, size: int, dataset: Any) -> None:
        self._left -= size
        if self._left < 0:
            raise DataError(
                f"{self.path}, {dataset.name} claims {size} bytes: all that is read would be more than "
                f"{MAX_EXPANSION} times the size of the file. It is damaged, or made to fill the memory."
            )

    def _dataset(self, parent: Any, name: str) -> Any:
        import h5py

        found = self._member(parent, name)
        if not isinstance(found, h5py.Dataset) or not found.shape or found.dtype.kind not in "fiub":
            raise self._unfit(found, self._at(parent, name))
        if found.is_virtual or found.external:
            at = self._at(parent, name)
            raise DataError(f"{self.path}, {at} lies in another file, which isn't read. Copy it into this one.")
        return found

    def _unfit(self, found: Any, at: str) -> DataError:
        if hasattr(found, "keys"):
            return DataError(f"{self.path}, {at} must be an array, got a group of {', '.join(names_in(found)[:8])}.")
        if not getattr(found, "shape", None):
            return DataError(f"{self.path}, {at} must be an array with rows, got {found!r:.80}.")
        return not_numeric(found.dtype, f"{self.path}, {at}")

    def _member(self, parent: Any, name: str) -> Any:
        import h5py

        link = parent.get(name, getlink=True)
        if link is None:
            raise DataError(f"{self.path} has no {self._at(parent, name)}. {held(names_in(parent))}")
        if not isinstance(link, h5py.HardLink):
            raise DataError(f"{self.path}, {self._at(parent, name)} is a link, which isn't followed. Copy its target.")
        return parent[name]

    def _at(self, parent: Any, name: str) -> str:
        return f"{parent.name.rstrip('/')}/{name}"


def names_in(group: Any) -> list[str]:
    """The names of the members of a group; one that is no text, as in a damaged file, is left out."""
    return [name for name in group if isinstance(name, str)]


@contextmanager
def open_hdf5(path: Path, form: str) -> Iterator[Hdf5]:
    """Opens a file; `form` is what it should be, for messages.

    **Raises:** `DataError` for whatever goes wrong, `h5py` missing included.
    """
    h5py = import_h5py()
    with reading(path, form), h5py.File(path, "r") as file:
        yield Hdf5(path, file)


def import_h5py() -> Any:
    """Imports h5py.

    **Raises:** `DataError` which names what to install.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError("HDF5 files need h5py, which isn't installed: pip install 'ilkit[data]'") from error
    return h5py
