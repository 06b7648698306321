"""Declaring stages and parts: the decorators of `ilkit/stages.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Declaration(Generic[P, T]):
    """An empty typed function and whether it is a part or a stage."""

    function: Callable[P, T]
    role: Literal["part", "stage"]

    @property
    def name(self) -> str:
        """The name of the block, of the entry-point group and of the folder."""
        return self.function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Records a call while a pipeline is traced."""
        from ilkit.wiring.tracing import record

        return record(self, args, kwargs)


def part(function: Callable[P, T]) -> Declaration[P, T]:
    """Declares something that is built inside a stage."""
    return Declaration(function, "part")


def stage(function: Callable[P, T]) -> Declaration[P, T]:
    """Declares something that makes an artifact."""
    return Declaration(function, "stage")
