"""Goals for what observes none: which entries of an observation are where one is, and which where one is told to go."""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import PyTree
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from ilkit.data.goal_entries import ACHIEVED, DESIRED
from ilkit.data.spaces import Box, Dict, Leaf, Space, described
from ilkit.errors import counted

Entries = Annotated[tuple[NonNegativeInt, ...] | tuple[str, ...], Field(min_length=1)]


class Goal(BaseModel):
    """What of an observation is a goal."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    achieved: Entries | None = None
    """Where one is: the numbers of entries of a vector, from 0, or names of a dictionary's; of anything but a
    dictionary all where none are given."""
    desired: Entries | None = None
    """Where one is told to go, in the same way, if that is observed: it is taken out of the rest."""
    tolerance: NonNegativeFloat | None = None
    """How far from the goal counts as reached, in the units of goals."""

    def faults(self, observation: Space) -> Iterator[str]:
        """What keeps goals from being made of observations of this space."""
        found = [*self._choice_faults(observation), *self._overlap_faults(observation)]
        yield from found or self._shape_faults(observation)

    def space(self, observation: Space) -> Dict:
        """The space with goals, of one that has no fault: what is desired is like what is achieved."""
        rest, achieved, desired = self._apart(observation)
        return Dict(entries={**rest, ACHIEVED: achieved, DESIRED: desired or achieved})  # type: ignore[arg-type]

    def parts(self, observation: Space, obs: PyTree) -> "Parts":
        """Observations of a space without a fault, taken apart; any axes may lead."""
        rest, achieved, desired = self._entries(observation)
        if isinstance(observation, Dict):
            return Parts({name: obs[name] for name in rest}, _joined(obs, achieved), _joined(obs, desired))
        if not _is_vector(observation):
            return Parts({"observation": obs}, obs, None)
        seen, here, there = (obs[..., numbers] for numbers in (rest, achieved, desired))
        return Parts({"observation": seen}, here, there if desired else None)

    def _choice_faults(self, observation: Space) -> Iterator[str]:
        """Entries that aren't there, or are named twice."""
        names = [name for name, _ in observation.entries] if isinstance(observation, Dict) else []
        if names and self.achieved is None and ACHIEVED not in names:
            yield f"achieved: must name entries of the dictionary that is observed, {', '.join(names)}, got none"
        for setting, given in (("achieved", self.achieved), ("desired", self.desired)):
            if given is None:
                continue
            if not names and not _is_vector(observation):
                yield f"{setting}: must be left out where observations are no vectors, got {described(observation)}"
                continue
            among: list[Any] = [*names] or [*range(observation.shape[0])]  # type: ignore[union-attr]
            rule = f"among {', '.join(names)}" if names else f"numbers of {counted(len(among), 'entry')}, from 0"
            yield from (f"{setting}: must be {rule}, got {one!r}" for one in given if one not in among)
            twice = sorted({one for one in given if given.count(one) > 1})
            yield from (f"{setting}: must name each entry once, got {one!r} twice" for one in twice)

    def _overlap_faults(self, observation: Space) -> Iterator[str]:
        names = {name for name, _ in observation.entries} if isinstance(observation, Dict) else set()
        for setting, given, name in (("achieved", self.achieved, ACHIEVED), ("desired", self.desired, DESIRED)):
            if given is not None and name in names:
                yield f"{setting}: must be left out where {name} is observed already, got {', '.join(map(str, given))}"
        goal = (*(self.desired or ()), *(names & {DESIRED}))
        both = [one for one in self.achieved or () if one in goal]
        yield from (f"achieved: must be other entries than the goal's, got {one!r}" for one in both)

    def _shape_faults(self, observation: Space) -> Iterator[str]:
        """Entries that can't stand side by side, and a goal that isn't like what is achieved."""
        _, *goals = self._entries(observation)
        for setting, names in zip(("achieved", "desired"), goals, strict=True):
            if isinstance(observation, Dict) and len(names) > 1:
                spaces = [dict(observation.entries)[name] for name in names]
                yield from (
                    f"{setting}: several entries must be vectors, got {described(one)}"
                    for one in spaces
                    if not _is_vector(one)
                )
                if not all(map(_is_vector, spaces)):
                    return
        _, achieved, desired = self._apart(observation)
        if desired is not None and described(achieved) != described(desired):
            yield f"desired: must be like what is achieved, {described(achieved)}, got {described(desired)}"

    def _entries(self, observation: Space) -> tuple[list[Any], list[Any], list[Any]]:
        """The names, or the numbers, that are observed, achieved and desired."""
        if isinstance(observation, Dict):
            names = [name for name, _ in observation.entries]
            desired = list(self.desired or ([DESIRED] if DESIRED in names else []))
            return (
                [name for name in names if name not in (*desired, ACHIEVED)],
                list(self.achieved or [ACHIEVED]),
                desired,
            )
        size = observation.shape[0] if _is_vector(observation) else 0
        rest = [number for number in range(size) if number not in (self.desired or ())]
        return rest, list(self.achieved or rest), list(self.desired or [])

    def _apart(self, observation: Space) -> tuple[dict[str, Leaf], Leaf, Leaf | None]:
        rest, achieved, desired = self._entries(observation)
        if isinstance(observation, Dict):
            spaces = dict(observation.entries)
            here = _beside([spaces[name] for name in achieved])
            there = _beside([spaces[name] for name in desired]) if desired else None
            return {name: spaces[name] for name in rest}, here, there
        if not _is_vector(observation):
            return {"observation": observation}, observation, None
        taken = [_taken(observation, numbers) for numbers in (rest, achieved, desired)]
        return {"observation": taken[0]}, taken[1], taken[2] if desired else None


class Parts(NamedTuple):
    """An observation, taken apart."""

    rest: dict[str, PyTree]
    achieved: Any
    desired: Any
    """None where it isn't observed."""


def _is_vector(space: Space) -> bool:
    return isinstance(space, Box) and space.is_floating and len(space.shape) == 1


def _taken(space: Space, numbers: list[int]) -> Box:
    low, high = (end[numbers].tolist() if numbers else 0.0 for end in space.bounds)  # type: ignore[union-attr]
    return Box(shape=(len(numbers),), low=low, high=high)


def _beside(spaces: list[Leaf]) -> Leaf:
    if len(spaces) == 1:
        return spaces[0]
    low, high = (np.concatenate([one.bounds[end] for one in spaces]).tolist() for end in (0, 1))  # type: ignore[union-attr]
    return Box(shape=(len(low),), low=tuple(low), high=tuple(high))


def _joined(obs: PyTree, names: list[str]) -> Any:
    if len(names) < 2:
        return obs[names[0]] if names else None
    return np.concatenate([obs[name] for name in names], axis=-1)
