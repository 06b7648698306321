"""Declaring stages and parts: the decorators of `ilkit/stages.py`, and what a declaration's signature says."""

import inspect
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Any, Generic, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.data.training import Training
from ilkit.errors import WiringError

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Declaration(Generic[P, T]):
    """An empty typed function and whether it is a part or a stage; its signature is read once."""

    function: Callable[P, T]
    role: Literal["part", "stage"]

    @property
    def name(self) -> str:
        """The name of the block, of the entry-point group and of the folder."""
        return self.function.__name__

    @cached_property
    def signature(self) -> inspect.Signature:
        """The signature of the function."""
        return inspect.signature(self.function)

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        """The resolved type of every parameter, and of what is returned."""
        return get_type_hints(self.function)

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """The types of what is passed by position after the spec, without the None of an optional one."""
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        named = [name for name, one in self.signature.parameters.items() if one.kind is positional]
        return {name: required(self.hints[name]) for name in named[1:]}

    @cached_property
    def others(self) -> tuple[Any, ...]:
        """The types of what is passed by any other name; none where nothing is."""
        return choices_of(variadic_hint(self.function))

    @cached_property
    def optional(self) -> frozenset[str]:
        """The arguments with a default, which a component may leave out."""
        parameters = self.signature.parameters
        return frozenset(name for name in self.arguments if parameters[name].default is not inspect.Parameter.empty)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The arguments that are parts."""
        return tuple(
            name for name, hint in self.arguments.items() if get_origin(hint) is Build and name != self.wrapped
        )

    @cached_property
    def wrapped(self) -> str | None:
        """The argument of a part that is another kind of its own block, which a kind may be a wrapper around."""
        if self.role == "stage":
            return None
        wrapped = [name for name, hint in self.arguments.items() if get_args(hint) == (self.makes,)]
        return wrapped[0] if wrapped else None

    @property
    def takes_key(self) -> bool:
        """Whether a random key is passed."""
        return "key" in self.hints

    def types_of(self, argument: str) -> tuple[Any, ...]:
        """The types that an argument may have, one of any other name included."""
        return (self.arguments[argument],) if argument in self.arguments else self.others

    def takes_seeds(self, argument: str) -> bool:
        """Whether an argument is all training seeds together, rather than the one that is continued."""
        return any(get_origin(one) is Seeds for one in self.types_of(argument))

    @cached_property
    def makes(self) -> Any:
        """The type of the artifact that a stage makes, or the named tuple of several."""
        hint = self.hints["return"]
        choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        inner = {get_args(choice)[0] if get_origin(choice) in (Training, Seeds) else choice for choice in choices}
        return inner.pop() if len(inner) == 1 else hint

    @property
    def makes_several(self) -> bool:
        """Whether a stage makes a named tuple of artifacts, each an edge of its own."""
        return isinstance(self.makes, type) and issubclass(self.makes, tuple) and hasattr(self.makes, "_fields")

    @cached_property
    def artifacts(self) -> Mapping[str | None, Any]:
        """The types of the artifacts that a stage makes by the names of their fields; None names the only one."""
        fields = get_type_hints(self.makes).items() if self.makes_several else ()
        return dict(fields) or {None: self.makes}

    def __str__(self) -> str:
        """As a pipeline calls it, which Python says of calls that it refuses itself."""
        return f"stages.{self.name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Records a call while a pipeline is traced.

        **Raises:** `WiringError` for a part, and outside of a pipeline.
        """
        record = recorder.get()
        if self.role == "part":
            raise WiringError(
                f"stages.{self.name} must be a stage, and is a part, which stages build themselves. Hand its block to "
                f"the stage that takes one: params.{self.name}."
            )
        if record is None:
            raise WiringError(f"stages.{self.name} must be called inside a function marked @pipeline.")
        return record(self, args, kwargs)


Record = Callable[[Declaration[Any, Any], tuple[Any, ...], dict[str, Any]], Any]

recorder: ContextVar[Record | None] = ContextVar("ilkit_recorder", default=None)
"""What records the calls of stages, while a pipeline is traced."""


def part(function: Callable[P, T]) -> Declaration[P, T]:
    """Declares something that is built inside a stage."""
    return Declaration(function, "part")


def stage(function: Callable[P, T]) -> Declaration[P, T]:
    """Declares something that makes an artifact."""
    return Declaration(function, "stage")


def required(hint: Any) -> Any:
    """The type without None, of an argument that may be left out."""
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    return choices[0] if NoneType in get_args(hint) and len(choices) == 1 else hint


def variadic_hint(function: Callable[..., Any]) -> Any:
    """The type of what a function takes by any other name, or None."""
    parameters = inspect.signature(function).parameters.values()
    variadic = [one for one in parameters if one.kind is inspect.Parameter.VAR_KEYWORD]
    return get_type_hints(function)[variadic[0].name] if variadic else None


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The types of a union, or the only one; none of None."""
    if hint is None:
        return ()
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def type_name(hint: Any) -> str:
    """A type as a person writes it."""
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(type_name(choice) for choice in get_args(hint))
    if isinstance(hint, type) and not get_args(hint):
        return "None" if hint is NoneType else hint.__name__
    return re.sub(r"\b\w+\.(?=\w)", "", str(hint))
