"""What is read of a file before it is checked: episodes by name, and the spaces that it describes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ilkit.data.format import Note, Wanted
from ilkit.data.spaces import Box, Dict, Discrete
from ilkit.errors import DataError, IlkitError

Columns = np.ndarray | dict[str, np.ndarray]
"""Observations, one a row: an array, or one for each name."""

MAX_EXPANSION = 1000
"""How many times larger than its file an array may be: more is no compression but a bomb."""


class Source(NamedTuple):
    """A recording, what is wanted of it, and who is told about decisions."""

    path: Path
    note: Note
    wanted: Wanted
    is_part: bool = False
    """Whether it is one file of a folder of such, an episode each unless it says otherwise."""
    is_paired: bool = False
    """Whether each episode has a partner, so that none can be left out alone."""


class Episode(NamedTuple):
    """One episode as it was recorded: T + 1 observations, T actions and rewards."""

    name: str
    obs: Columns
    actions: np.ndarray
    rewards: np.ndarray | None
    terminated: bool
    """Whether the environment ended it; if not, the recording was cut, and it counts as truncated."""


class Recording(NamedTuple):
    """The episodes of a file, each read when it is called, and the spaces that the file describes."""

    episodes: Iterable[Callable[[], Episode]]
    observation: Box | Dict | None = None
    action: Box | Discrete | None = None


@contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    """Explains whatever a library raises over a file that is damaged or of another format.

    **Raises:** `DataError`.
    """
    if not path.exists():
        raise DataError(f"There is no {path}. Give the path of a recording, from the folder of params.yaml.")
    if not path.is_file() and not path.is_dir():
        raise DataError(f"{path} must be a file or a folder, got a device or a pipe. Save it as a file first.")
    try:
        yield
    except IlkitError:
        raise
    except Exception as error:  # parsers of damaged files raise anything
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(f"{path} can't be read as {form} ({reason}). Is it whole, and of this format?") from error
