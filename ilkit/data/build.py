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
    optional: tuple[str, ...] = ()
    """The inputs, passed by name, that the declaration lets a function do without."""

    def __call__(self, *args: Any, **kwargs: Any) -> T:
        """Builds the part, without the optional inputs that its function doesn't take.

        **Raises:** `TypeError` for any other name that the function doesn't know.
        """
        taken = inspect.signature(self.function).parameters
        named = {name: given for name, given in kwargs.items() if name in taken or name not in self.optional}
        if self.inner is not None:
            named["inner"] = self.inner
        return self.function(self.spec, *self.parts, *args, **named)
