"""Splitting, merging and filtering demonstrations by whole episodes."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ilkit.data.demonstrations import Demonstrations, concatenate
from ilkit.data.spaces import Spaces
from ilkit.errors import DataError, counted


class Criteria(NamedTuple):
    """Which episodes to keep: those that meet all that is given."""

    min_return: float | None = None
    max_return: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    episodes: tuple[int, ...] | None = None
    """The numbers of episodes; they keep the order of the data."""
    terminated: bool | None = None
    truncated: bool | None = None


def split(demos: Demonstrations, fractions: Mapping[str, float], seed: int = 0) -> dict[str, Demonstrations]:
    """Parts of about these fractions of the episodes, drawn at random; every episode is in exactly one of them.

    The numbers of episodes are rounded so that none is off by one or more. The parts keep the order of the data.

    **Raises:** `DataError` where fractions aren't positive with the sum 1, or a part would be empty.
    """
    if not all(0.0 < one <= 1.0 for one in fractions.values()) or not math.isclose(sum(fractions.values()), 1.0):
        told = ", ".join(f"{name}={one:g}" for name, one in fractions.items())
        raise DataError(f"Fractions must be positive with the sum 1, got {told}. Give the rest a name, too.")
    counts = _apportioned(list(fractions.values()), demos.num_episodes)
    for name, count in zip(fractions, counts, strict=True):
        if not count:
            raise DataError(
                f"{name} would get none of {counted(demos.num_episodes, 'episode')}. Give it a larger fraction."
            )
    order = np.random.default_rng(seed).permutation(demos.num_episodes)
    parts = np.split(order, np.cumsum(counts)[:-1])
    return {name: demos.take(np.sort(part)) for name, part in zip(fractions, parts, strict=True)}


def merge(parts: Mapping[str, Demonstrations]) -> Demonstrations:
    """The episodes of all the parts, in their order.

    **Raises:** `DataError` where their spaces differ.
    """
    first, *others = parts
    for name in others:
        if parts[name].spaces != parts[first].spaces:
            differing, one, other = _difference(parts[first].spaces, parts[name].spaces)
            raise DataError(
                f"The {differing} space of {name} must be that of {first}, {one}, got {other}. "
                "Merge what was recorded in one environment."
            )
    return concatenate(list(parts.values()))


def keep(demos: Demonstrations, criteria: Criteria) -> Demonstrations:
    """The episodes that meet the criteria.

    **Raises:** `DataError` where none does, one that is asked for isn't there, or returns are asked for and unknown.
    """
    kept = np.ones(demos.num_episodes, bool)
    if criteria.min_return is not None or criteria.max_return is not None:
        returns = demos.returns
        if np.isnan(returns).all():
            raise DataError("Returns are unknown: no rewards were recorded. Filter by something else.")
        kept &= (returns >= _or(criteria.min_return, -np.inf)) & (returns <= _or(criteria.max_return, np.inf))
    kept &= (demos.lengths >= _or(criteria.min_length, -np.inf)) & (demos.lengths <= _or(criteria.max_length, np.inf))
    for wanted, got in ((criteria.terminated, demos.terminated), (criteria.truncated, demos.truncated)):
        kept &= True if wanted is None else got == wanted
    if criteria.episodes is not None:
        beyond = [one for one in criteria.episodes if one >= demos.num_episodes]
        if beyond:
            raise DataError(f"Episodes must be from 0 to {demos.num_episodes - 1}, got {beyond[0]}.")
        kept &= np.isin(np.arange(demos.num_episodes), criteria.episodes)
    return demos.take(np.flatnonzero(kept))


def episode_numbers(text: str) -> tuple[int, ...]:
    """The numbers in a list such as `0,3,7-9`; ranges hold both their ends.

    **Raises:** `DataError` where it isn't such a list.
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        ends = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if ends[0] > ends[1] or ends[1] - ends[0] > 10_000_000:
            raise DataError(f"Episodes must be numbers and ranges such as 0,3,7-9, got {part!r}.")
        found += range(ends[0], ends[1] + 1)
    return tuple(found)


def _apportioned(fractions: Sequence[float], total: int) -> list[int]:
    """Whole numbers with this sum, by largest remainders."""
    exact = np.asarray(fractions) * total
    counts = np.floor(exact + 1e-9).astype(int)
    largest = np.argsort(counts - exact, kind="stable")[: total - int(counts.sum())]
    counts[largest] += 1
    return [int(count) for count in counts]


def _difference(one: Spaces, other: Spaces) -> tuple[str, str, str]:
    name = "observation" if one.observation != other.observation else "action"
    return name, repr(getattr(one, name)), repr(getattr(other, name))


def _or(value: float | int | None, otherwise: float) -> float | int:
    return otherwise if value is None else value
