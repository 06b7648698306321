"""What a format is: how recordings of one kind are read, and how demonstrations are written as such."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Protocol

from pydantic import Field, model_validator

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.goal_settings import Goal
from ilkit.spec import Spec

Note = Callable[[str], None]
"""What is told, in a sentence each, about a file that could be read only with a decision."""

warn: Note = logging.getLogger("ilkit.dataset").warning
"""Tells it to the log, which prints it unless it is set up otherwise."""

_Number = Annotated[int, Field(ge=0, lt=2**31)]


class Wanted(Spec):
    """What to take of a recording, and how to take what it leaves open."""

    max_episodes: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """How many episodes to take, from the first; all where none is given."""
    skip_episodes: tuple[_Number, ...] = ()
    """The numbers of episodes, counted from 0 as the file holds them, to leave out."""
    keep_going: bool = False
    """Whether to leave out every episode that can't be used, and to say which, instead of refusing the recording."""
    final_obs: Literal["drop", "repeat"] = "drop"
    """What to do where the observation after the last action is missing: `drop` takes the last one that is there,
    leaves out the action and the reward that follow it and calls the episode truncated; `repeat` takes it twice and
    keeps the action."""
    action_kind: Literal["discrete", "continuous"] | None = None
    """What whole numbers or one-hot vectors are as actions, where neither the file nor an environment says it."""
    action_low: tuple[float, ...] | None = None
    """The lowest action, entry by entry or one number for all, where no environment is there to say it."""
    action_high: tuple[float, ...] | None = None
    """The highest action, in the same way."""
    goal: Goal | None = None
    """What of an observation without goals is one: `{achieved: [0, 1], desired: [4, 5], tolerance: 0.1}`. Where none is
    desired, it is what the episode achieved at its end; a tolerance makes rewards, 1 for a step that ends there."""

    @model_validator(mode="after")
    def _check_order(self) -> "Wanted":
        low, high = self.action_low or (), self.action_high or ()
        if len(low) == len(high) and any(one > other for one, other in zip(low, high, strict=True)):
            raise ValueError(f"action_low must be at most action_high, got {list(low)} and {list(high)}")
        return self


class Read(Protocol):
    """Reads the recording at a path.

    **Raises:** `DataError` where it can't be read.
    """

    def __call__(self, path: Path, note: Note = warn, wanted: Wanted = ...) -> Demonstrations:
        """Reads it; every decision is noted."""


class Format(NamedTuple):
    """How recordings are read, and how demonstrations are written."""

    read: Read
    write: Callable[[Demonstrations, Path], list[str]]
    """Writes a recording to a path where nothing is yet; returns what it can't hold, in sentences."""
