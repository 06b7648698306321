"""Columns of arrow tables as arrays, checked before they are read."""

from pathlib import Path
from typing import Any

import numpy as np

from ilkit.errors import DataError, held
from ilkit.files.recording import MAX_EXPANSION


def import_pyarrow() -> Any:
    """Imports pyarrow.

    **Raises:** `DataError` which names what to install.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise DataError("Arrow and parquet need pyarrow, which isn't installed: pip install 'ilkit[data]'") from error
    return pyarrow


def dense(column: Any, what: str) -> np.ndarray:
    """An arrow array of numbers, or of lists that are all equally long, as a NumPy array.

    **Raises:** `DataError` where an entry is missing, no number, or a list is longer than another.
    """
    pyarrow = import_pyarrow()
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pyarrow.ExtensionArray):
        column = column.storage
    if column.null_count:
        raise DataError(f"{what} must have a value in every row, got {column.null_count} without. Write NaN there.")
    kind = column.type
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
        lengths = np.unique(np.asarray(column.value_lengths()))
        if len(lengths) > 1:
            raise DataError(f"{what} must be equally long in every row, got {lengths[0]} to {lengths[-1]} entries.")
        inner = dense(column.flatten(), what)
        return inner.reshape(len(column), -1 if inner.size else 0, *inner.shape[1:])
    if not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_boolean(kind)):
        raise DataError(f"{what} must hold numbers, got {kind}. Store it again as float32 or int64.")
    return np.asarray(column.to_numpy(zero_copy_only=False))


def read_parquet(path: Path, names: list[str]) -> Any:
    """Reads these columns of a parquet file, those of them that it has.

    **Raises:** `DataError` where it claims to hold more than a thousand times its size.
    """
    import_pyarrow()
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _check_size(file.metadata, path, names)
        found = [name for name in names if name in file.schema_arrow.names]
        table = file.read(columns=found, use_threads=False)
    table.validate(full=True)
    return table


def column_of(table: Any, name: str, path: Path) -> Any:
    """The column of this name.

    **Raises:** `DataError` where there is none.
    """
    if name not in table.column_names:
        raise DataError(f"{path} has no column {name!r}. {held(table.column_names)}")
    return table.column(name)


def _check_size(metadata: Any, path: Path, names: list[str]) -> None:
    claimed = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for index in range(group.num_columns):
            column = group.column(index)
            if any(column.path_in_schema == name or column.path_in_schema.startswith(f"{name}.") for name in names):
                claimed += max(8 * column.num_values, column.total_uncompressed_size)
    if claimed > MAX_EXPANSION * path.stat().st_size or metadata.num_rows > MAX_EXPANSION * path.stat().st_size:
        raise DataError(
            f"{path} claims {claimed} bytes and {metadata.num_rows} rows, more than {MAX_EXPANSION} times the size of "
            "the file. It is damaged, or made to fill the memory."
        )
