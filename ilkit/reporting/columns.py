"""Tables in a terminal."""

from collections.abc import Sequence


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
