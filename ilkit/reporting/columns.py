"""Rows as columns: of a table in a file, and of one in a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from ilkit.data.report import Table


def by_name(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """The columns of these rows by their names; empty ones where there are no rows."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1, gap: int = 2) -> list[str]:
    """A line for each row, whose columns are equally wide: the first `left` of them flush left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        (" " * gap)
        .join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        .rstrip()
        for row in rows
    ]
