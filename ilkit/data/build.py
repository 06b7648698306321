"""A part that is chosen but not yet built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ilkit.spec import Spec

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Build(Generic[T]):
    """A component's function with its spec and its parts: plain data, equal and hashable by value.

    Calling it with the remaining arguments builds the part: `policy(demos.spaces, key=key)`.
    """

    block: str
    kind: str
    function: Callable[..., T]
    spec: Spec
    parts: tuple["Build[Any]", ...] = ()
    left_out: frozenset[str] = frozenset()
    """Optional arguments that the function doesn't take: they may be passed by name, and are then left out."""

    def __call__(self, *args: Any, **kwargs: Any) -> T:
        """Builds the part."""
        taken = {name: value for name, value in kwargs.items() if name not in self.left_out}
        return self.function(self.spec, *self.parts, *args, **taken)
