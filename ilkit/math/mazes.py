"""The point mazes of OGBench (Park et al., 2025): their maps, their tasks and their teleporters.

Cells are (row, column) of the text, whose top row is the one with the largest y.
"""

from typing import Literal, NamedTuple

Cell = tuple[int, int]
Name = Literal["arena", "medium", "large", "giant", "teleport"]


class Layout(NamedTuple):
    """A map as lines of text, # a wall and . free, and what happens where."""

    lines: tuple[str, ...]
    tasks: tuple[tuple[Cell, Cell], ...] = ()
    """Where to start and where to go."""
    entrances: tuple[Cell, ...] = ()
    """The cells whose middle takes to an exit, whichever chance chooses."""
    exits: tuple[Cell, ...] = ()


LAYOUTS: dict[str, Layout] = {
    "arena": Layout(
        lines=(
            "########",
            "#......#",
            "#......#",
            "#......#",
            "#......#",
            "#......#",
            "#......#",
            "########",
        ),
        tasks=(((6, 1), (1, 6)),),
    ),
    "medium": Layout(
        lines=(
            "########",
            "#...#..#",
            "#.#..#.#",
            "#..#...#",
            "##...###",
            "#..#...#",
            "#..##..#",
            "########",
        ),
        tasks=(
            ((6, 1), (1, 6)),
            ((1, 1), (6, 6)),
            ((2, 3), (3, 2)),
            ((1, 5), (1, 1)),
            ((5, 6), (6, 1)),
        ),
    ),
    "large": Layout(
        lines=(
            "############",
            "#..#...#...#",
            "##.#.#.#.###",
            "#..#.#.....#",
            "#.####.###.#",
            "#......#...#",
            "#.##.#.#.#.#",
            "#....#.....#",
            "############",
        ),
        tasks=(
            ((7, 1), (1, 10)),
            ((3, 4), (1, 1)),
            ((1, 4), (7, 10)),
            ((5, 8), (3, 4)),
            ((7, 1), (3, 4)),
        ),
    ),
    "giant": Layout(
        lines=(
            "################",
            "#.....#...#....#",
            "#.###...#...##.#",
            "#.#.#.######.#.#",
            "#...#..#...#...#",
            "###.#.#..#.#.###",
            "#...#...#....#.#",
            "#.###.######.#.#",
            "#...#..#...#...#",
            "#.#.##.#.#..##.#",
            "#.#......##....#",
            "################",
        ),
        tasks=(
            ((10, 1), (1, 14)),
            ((10, 14), (1, 1)),
            ((3, 14), (10, 1)),
            ((3, 3), (6, 12)),
            ((6, 9), (8, 8)),
        ),
    ),
    "teleport": Layout(
        lines=(
            "############",
            "#....#...#.#",
            "#.##.#.#.#.#",
            "#.##.#.#.#.#",
            "#....#.#.#.#",
            "##.###.....#",
            "##.#...#..##",
            "#.....#.#..#",
            "############",
        ),
        tasks=(
            ((7, 10), (1, 1)),
            ((7, 1), (1, 10)),
            ((3, 6), (1, 10)),
            ((1, 1), (1, 10)),
            ((3, 6), (1, 1)),
        ),
        entrances=((4, 6), (3, 1)),
        exits=((7, 7), (2, 1), (2, 10)),
    ),
}
