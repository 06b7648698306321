"""What a policy observes and what it may do."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    model_serializer,
    model_validator,
)

from ilkit.errors import DataError

DType = Literal["float32", "bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"]
"""The types of entries; those of 64 bits become these of 32."""


class _Space(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Box(_Space):
    """Arrays between `low` and `high`, entry by entry; infinite where there is no limit.

    A limit is one number where all entries share it, else one for each of them in C order. The shape needn't be given
    where there is a limit for each entry of a vector.
    """

    kind: Literal["box"] = "box"
    shape: tuple[NonNegativeInt, ...] = ()
    low: float | tuple[float, ...]
    high: float | tuple[float, ...]
    dtype: DType = "float32"

    @model_validator(mode="before")
    @classmethod
    def _share_limits(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        ends = {end: np.ravel(given[end]).tolist() for end in ("low", "high") if end in given}
        lengths = {len(np.atleast_1d(given[end])) for end in ends if np.ndim(given[end])}
        if "shape" not in given and len(lengths) == 1:
            given = given | {"shape": (lengths.pop(),)}
        shared = {end: values[0] if len(set(values)) == 1 else tuple(values) for end, values in ends.items()}
        return given | shared

    @model_validator(mode="after")
    def _check_sizes(self) -> "Box":
        for end in (self.low, self.high):
            if isinstance(end, tuple) and len(end) != self.size:
                raise ValueError(f"a box of shape {self.shape} has {self.size} limits at each end, got {len(end)}")
        return self

    @classmethod
    def symmetric(cls, high: Sequence[float]) -> "Box":
        """The box of vectors from `-high` to `high`."""
        return cls(low=tuple(-float(h) for h in high), high=tuple(float(h) for h in high))

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """`low` and `high` as arrays of the shape of an element."""
        low, high = (np.asarray(end, np.float64) for end in (self.low, self.high))
        return tuple(
            np.broadcast_to(end, self.shape) if end.ndim == 0 else end.reshape(self.shape) for end in (low, high)
        )  # type: ignore[return-value]

    @property
    def is_floating(self) -> bool:
        """Whether the entries are real numbers."""
        return self.dtype == "float32"


class Discrete(_Space):
    """The `size` whole numbers from `start` on."""

    kind: Literal["discrete"] = "discrete"
    size: PositiveInt
    start: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one element."""
        return ()

    @property
    def dtype(self) -> DType:
        """The type of an element."""
        return "int32"


class MultiDiscrete(_Space):
    """Vectors of whole numbers, the i-th from 0 to `sizes[i]` - 1."""

    kind: Literal["multi_discrete"] = "multi_discrete"
    sizes: tuple[PositiveInt, ...]

    @property
    def size(self) -> int:
        """The number of entries of an element as one-hot vectors."""
        return sum(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one element."""
        return (len(self.sizes),)

    @property
    def dtype(self) -> DType:
        """The type of the entries."""
        return "int32"

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest elements."""
        return np.zeros(len(self.sizes)), np.asarray(self.sizes) - 1.0


Leaf = Annotated[Box | Discrete | MultiDiscrete, Field(discriminator="kind")]


def _by_name(entries: Any) -> Any:
    return tuple(sorted(entries.items() if isinstance(entries, Mapping) else entries, key=lambda pair: pair[0]))


class Dict(_Space):
    """Dictionaries with a space for each name; `entries` are pairs of them, by name, and given as a mapping."""

    kind: Literal["dict"] = "dict"
    entries: Annotated[tuple[tuple[str, Leaf], ...], BeforeValidator(_by_name), Field(min_length=1)]

    @property
    def size(self) -> int:
        """The number of entries of an element as one vector."""
        return sum(space.size for _, space in self.entries)


Space = Annotated[Box | Discrete | MultiDiscrete | Dict, Field(discriminator="kind")]


def vectors(space: Space, what: str) -> Box:
    """The space, which must be one of vectors of real numbers.

    **Raises:** `DataError` where it isn't; `what` needs it to be.
    """
    if isinstance(space, Box) and space.is_floating and len(space.shape) == 1:
        return space
    raise DataError(
        f"{what} needs observations that are vectors of real numbers, got {described(space)}. For an environment of "
        "gymnasium, add the wrapper FlattenObservation."
    )


class Tasks(_Space):
    """The tasks whose recordings were put together, which an entry `task` of what is observed tells apart."""

    observation: Space
    """What is observed in each of them."""
    values: Annotated[tuple[tuple[str, tuple[float, ...]], ...], Field(min_length=1)]
    """The name of each, and the numbers that its entry `task` holds."""

    @property
    def names(self) -> str:
        """Their names, in words."""
        return ", ".join(name for name, _ in self.values)


class Spaces(_Space):
    """The observation and the action space of an environment or a policy."""

    observation: Space
    action: Leaf
    tasks: Tasks | None = None
    """The tasks that were put together; none where there is one, without such an entry."""

    @model_serializer(mode="wrap")
    def _leave_out_none(self, written: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in written(self).items() if name != "tasks" or value is not None}


def zeros(space: Space, *leading: int) -> Any:
    """Elements of a space, all zero: an array, or a dictionary of arrays, in their types, with `leading` axes."""
    if isinstance(space, Dict):
        return {name: zeros(entry, *leading) for name, entry in space.entries}
    return np.zeros((*leading, *space.shape), space.dtype)


def element(space: Space, given: Any) -> Any:
    """What was observed as an element of a space: of its names and types; shapes are taken as they come."""
    if isinstance(space, Dict):
        return {name: element(entry, given[name]) for name, entry in space.entries}
    return np.asarray(given, space.dtype)


def described(space: Space) -> str:
    """What a space is, in words: all that `check_spaces` compares."""
    if isinstance(space, Dict):
        return "dict of " + ", ".join(f"{name} ({described(entry)})" for name, entry in space.entries)
    if isinstance(space, Discrete):
        return f"discrete of size {space.size}" + (f" from {space.start}" if space.start else "")
    if isinstance(space, MultiDiscrete):
        return f"multi_discrete of sizes {', '.join(map(str, space.sizes))}"
    if space.is_floating and len(space.shape) == 1:
        return f"box of size {space.size}"
    return f"box of shape {space.shape} and {space.dtype}"


def difference(ours: Spaces, theirs: Spaces) -> str | None:
    """Where two pairs of spaces differ, in words, tasks and bounds of actions included; none where they don't."""
    for name in ("observation", "action"):
        wanted, got = described(getattr(ours, name)), described(getattr(theirs, name))
        if wanted != got:
            return f"{name}s are {wanted}, got {got}"
    if ours.tasks != theirs.tasks:
        wanted, got = ("one" if spaces.tasks is None else spaces.tasks.names for spaces in (ours, theirs))
        return f"tasks are {wanted}, got {got}"
    if isinstance(ours.action, Box) and isinstance(theirs.action, Box):
        wanted_bounds, bounds = (np.asarray(space.bounds).reshape(2, -1) for space in (ours.action, theirs.action))
        differ = np.isfinite(wanted_bounds) & np.isfinite(bounds) & (wanted_bounds != bounds)
        for end, entry in np.argwhere(differ)[:1]:
            return f"actions have a bound of {wanted_bounds[end, entry]:g}, got {bounds[end, entry]:g} in entry {entry}"
    return None


def same_spaces(ours: Spaces, theirs: Spaces) -> bool:
    """Whether a policy for the one acts in the other: names, kinds, shapes and types are the same."""
    return all(described(getattr(ours, name)) == described(getattr(theirs, name)) for name in ("observation", "action"))


def check_spaces(env: Spaces, policy: Spaces) -> None:
    """Checks that a policy fits an environment.

    **Raises:** `DataError` where the names, kinds, shapes or types of their observations or actions differ.
    """
    for name, needed, got in (
        ("observations", env.observation, policy.observation),
        ("actions", env.action, policy.action),
    ):
        if described(needed) != described(got):
            raise DataError(
                f"The policy's {name} must be those of the environment: {described(needed)}, got {described(got)}. "
                "Was the policy learnt in another env?"
            )
