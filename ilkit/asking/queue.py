"""Questions that wait for a person: their names, and the table that the answers are filled in."""

import csv
import hashlib
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError
from ilkit.files.recording import reading

TABLE = "answers.csv"
"""The file of the answers in the folder of a queue."""
COLUMNS = ("pair", "clips", "preferred")
"""What each line of it holds: a name, the picture of both clips, and what a person fills in."""
_ANSWERS = {"first": 1.0, "second": 0.0, "tie": 0.5}
_SKIP = "skip"


class Answer(NamedTuple):
    """What a person has said of a pair."""

    probability: float
    answered: bool


class OpenQuestionsError(DataError):
    """Somebody has yet to answer; whoever runs the stage shows the pairs and says where to fill in the answers."""

    def __init__(self, folder: Path, names: list[str], first: Demonstrations, second: Demonstrations) -> None:
        self.folder, self.names, self.first, self.second = folder, names, first, second
        wait = "question waits for an answer" if len(names) == 1 else "questions wait for answers"
        super().__init__(
            f"{len(names)} {wait}. Look at the clips in {folder}, fill in the column preferred of {folder / TABLE} "
            "with first, second, tie or skip, and run the stage again."
        )


def names_of(first: Demonstrations, second: Demonstrations) -> list[str]:
    """A name for each pair, which what is seen and done in its clips decides."""
    return [_digest(_parts(first, pair) + _parts(second, pair)) for pair in range(first.num_episodes)]


def read_answers(folder: Path) -> dict[str, Answer]:
    """The answers that were filled in, by the names of the pairs; none where nobody was ever asked.

    **Raises:** `DataError` where a line is half-written, is about a pair that was never asked about or has a line
    already, or holds another answer than first, second, tie and skip.
    """
    path = folder / TABLE
    if not path.exists():
        return {}
    found: dict[str, Answer] = {}
    seen: dict[str, int] = {}
    with reading(path, "a table of answers (.csv)"), path.open(newline="", encoding="utf-8-sig") as file:
        delimiter = delimiter_of(file.readline())
        file.seek(0)
        table = csv.DictReader(file, delimiter=delimiter)
        if tuple(table.fieldnames or ()) != COLUMNS:
            raise DataError(f"{path} must begin with a line `{','.join(COLUMNS)}`, got {table.fieldnames}. Restore it.")
        for row in table:
            where = f"{path}, line {table.line_num}:"
            _check_row(row, where, folder, seen)
            seen[row["pair"]] = table.line_num
            said = row["preferred"].strip().lower()
            if said:
                found[row["pair"]] = _answer(said, where)
    return found


def delimiter_of(first_line: str) -> str:
    """What a spreadsheet has put between the columns: semicolons where its language writes 0,5."""
    return ";" if first_line.strip("\ufeff\r\n").replace('"', "") == ";".join(COLUMNS) else ","


def _check_row(row: dict[str, str], where: str, folder: Path, seen: dict[str, int]) -> None:
    name = row["pair"]
    if None in row.values() or None in row:
        raise DataError(f"{where} must have {len(COLUMNS)} columns: it is half-written. Write it again, or remove it.")
    if name in seen:
        raise DataError(f"{where} {name} was answered in line {seen[name]} already. Keep one of both lines.")
    if not ((folder / row["clips"]).is_file() and row["clips"].startswith(name)):
        raise DataError(f"{where} nobody was asked about {name}: {folder} has no picture of it. Remove the line.")


def _answer(said: str, where: str) -> Answer:
    if said == _SKIP:
        return Answer(0.5, answered=False)
    if said not in _ANSWERS:
        raise DataError(f"{where} preferred must be {', '.join(_ANSWERS)} or {_SKIP}, or empty as yet, got {said!r}.")
    return Answer(_ANSWERS[said], answered=True)


def _parts(demos: Demonstrations, episode: int) -> list[np.ndarray]:
    steps = slice(demos.starts[episode], demos.stops[episode])
    seen = slice(demos.starts[episode] + episode, demos.stops[episode] + episode + 1)
    return [*(leaf[seen] for leaf in jax.tree.leaves(demos.obs)), demos.taken[steps]]


def _digest(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
