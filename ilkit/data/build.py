"""A part that is chosen but not yet built."""

import inspect
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
    inner: "Build[Any] | None" = None
    """The kind of the same block that this one is a wrapper around."""

    def __call__(self, *args: Any, **kwargs: Any) -> T:
        """Builds the part; an optional input that its function doesn't take is passed by name, and left out."""
        taken = inspect.signature(self.function).parameters
        named = {name: kwargs[name] for name in kwargs if name in taken}
        if self.inner is not None:
            named["inner"] = self.inner
        return self.function(self.spec, *self.parts, *args, **named)
