"""Making a format of a function that reads one file and one that writes it."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format, Note, Wanted, warn
from ilkit.errors import DataError
from ilkit.files.episodes import assemble
from ilkit.files.goals import give_goals
from ilkit.files.losses import lost_ends, lost_weights
from ilkit.files.recording import Episode, Recording, Source, reading

Reader = Callable[[Source], Recording]
Writer = Callable[[Demonstrations, Path], list[str]]


def format_of(reader: Reader, writer: Writer, *, form: str, suffixes: tuple[str, ...] = ()) -> Format:
    """The format of these two functions; `form` names it in messages.

    Where files have one of `suffixes`, a folder of such files is read in the order of the numbers in their names, an
    episode each unless they say otherwise.
    """

    def read(path: Path, note: Note = warn, wanted: Wanted = Wanted()) -> Demonstrations:
        source = Source(path, note, wanted)
        with reading(path, form):
            found = _of_folder(reader, source, suffixes) if suffixes and path.is_dir() else reader(source)
            demos = assemble(found, source)
        return demos if wanted.goal is None else give_goals(demos, wanted.goal, path)

    def write(demos: Demonstrations, path: Path) -> list[str]:
        if demos.num_episodes == 0 or (demos.lengths <= 0).any():
            raise DataError(f"{path} can't be written: there must be episodes, each with at least one action.")
        return [*lost_ends(demos), *lost_weights(demos), *writer(demos, path)]

    return Format(read, write)


def _of_folder(reader: Reader, source: Source, suffixes: tuple[str, ...]) -> Recording:
    files = [one for one in source.path.iterdir() if one.suffix in suffixes and one.is_file()]
    if not files:
        raise DataError(f"{source.path} must hold files that end in {' or '.join(suffixes)}, got none.")
    parts = [source._replace(path=file, is_part=True) for file in sorted(files, key=_in_order)]
    first = reader(parts[0])
    return first._replace(episodes=_chained(reader, parts))


def _chained(reader: Reader, parts: list[Source]) -> Iterator[Callable[[], Episode]]:
    for part in parts:
        for episode in reader(part).episodes:
            yield partial(_named, episode, part.path.name)


def _named(episode: Callable[[], Episode], name: str) -> Episode:
    found = episode()
    return found._replace(name=f"{name}, {found.name}")


def _in_order(file: Path) -> tuple[tuple[int, str], ...]:
    """The name with its numbers as numbers: 2 before 10."""
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", file.name))
