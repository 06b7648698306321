"""Finding components: entry points, imported only when used, checked against their declaration."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ilkit.declaration import Declaration
from ilkit.entry_points import PREFIX, component_entry_points
from ilkit.errors import ParamsError, PluginError, nearest
from ilkit.spec import Spec

STAGES_GROUP = "ilkit.stages"


@dataclass(frozen=True)
class Component:
    """A kind of a block, imported."""

    block: str
    kind: str
    function: Callable[..., Any]
    spec: type[Spec]

    @property
    def returns(self) -> Any:
        """The type that the function returns."""
        return get_type_hints(self.function)["return"]


@cache
def installed() -> Mapping[str, Mapping[str, tuple[EntryPoint, ...]]]:
    """The entry points of all components, by block and kind; nothing is imported."""
    found: dict[str, dict[str, tuple[EntryPoint, ...]]] = {}
    for point in component_entry_points():
        if point.group != STAGES_GROUP:
            kinds = found.setdefault(point.group.removeprefix(PREFIX), {})
            kinds[point.name] = (*kinds.get(point.name, ()), point)
    return found


def entry_point(block: str, kind: str, *, at: str | None = None) -> EntryPoint:
    """The one entry point of a kind.

    **Raises:** `ParamsError` for an unknown kind, `PluginError` where two distributions claim it.
    """
    kinds = installed().get(block, {})
    if kind not in kinds:
        raise ParamsError(
            f"{at or block}.kind must be a registered kind of {block}, got {kind!r}. {nearest(kind, kinds)}"
        )
    points = kinds[kind]
    if len(points) > 1:
        raise PluginError(
            f"{block}.{kind} is claimed by {' and by '.join(origin(point) for point in points)}. Uninstall one of them."
        )
    return points[0]


def origin(point: EntryPoint) -> str:
    """The distribution of an entry point and its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


def find(block: str, kind: str, *, at: str | None = None) -> Component:
    """Imports a component and checks it; `at` names the block in `params.yaml` for the message.

    **Raises:** `ParamsError` for an unknown kind; `PluginError`, which names the distribution, where it can't be
    imported, its spec has another kind, or its signature doesn't match the declaration.
    """
    return _imported(entry_point(block, kind, at=at), block, kind)


@cache
def declarations() -> Mapping[str, Declaration[Any, Any]]:
    """The declarations of all blocks: those of ilkit, and those of plug-ins that declare stages of their own."""
    from ilkit import stages

    found = {name: value for name, value in vars(stages).items() if isinstance(value, Declaration)}
    for point in component_entry_points():
        if point.group == STAGES_GROUP:
            found[point.name] = _load(point, "stages", point.name)
    return found


@cache
def _imported(point: EntryPoint, block: str, kind: str) -> Component:
    function = _load(point, block, kind)
    fault = _signature_fault(function, block, kind)
    if fault:
        raise PluginError(f"{block}.{kind} of {origin(point)} doesn't match its declaration: {fault}")
    return Component(block, kind, function, next(iter(get_type_hints(function).values())))


def _load(point: EntryPoint, block: str, kind: str) -> Any:
    try:
        return point.load()
    except Exception as error:  # whatever a plug-in does on import must not pass for a fault of ilkit
        raise PluginError(
            f"{block}.{kind} of {origin(point)} can't be imported from {point.value}: {type(error).__name__}: {error}. "
            "Mend or uninstall that distribution."
        ) from error


def _signature_fault(function: Any, block: str, kind: str) -> str | None:
    if not callable(function):
        return f"it must be a function, got {type(function).__name__}."
    if block not in declarations():
        return f"no stage or part is called {block!r}. {nearest(block, declarations())}"
    declared = declarations()[block].function
    try:
        hints, expected = get_type_hints(function), get_type_hints(declared)
    except Exception as error:
        return f"its annotations can't be resolved: {error}."
    names, expected_names = list(inspect.signature(function).parameters), list(inspect.signature(declared).parameters)
    if names[1:] != expected_names[1:]:
        return f"its parameters after the spec must be ({', '.join(expected_names[1:])}), got ({', '.join(names[1:])})."
    spec = hints.get(names[0])
    if not (isinstance(spec, type) and issubclass(spec, Spec)):
        return f"its first parameter must be annotated with a Spec, got {spec}."
    field = spec.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal or get_args(field.annotation) != (kind,):
        got = "none" if field is None else field.annotation
        return f'its spec {spec.__name__} must have the field `kind: Literal["{kind}"]`, got {got}.'
    for name in [*names[1:], "return"]:
        if not _fits(hints.get(name), expected[name], covariant=name == "return"):
            return f"{name} must be {type_name(expected[name])}, got {type_name(hints.get(name))}."
    return None


def _fits(got: Any, expected: Any, *, covariant: bool) -> bool:
    if got == expected:
        return True
    if not covariant:
        return False
    if get_origin(expected) in (Union, UnionType):
        choices = get_args(got) if get_origin(got) in (Union, UnionType) else (got,)
        return all(any(_fits(choice, one, covariant=True) for one in get_args(expected)) for choice in choices)
    return isinstance(got, type) and isinstance(expected, type) and issubclass(got, expected)


def type_name(hint: Any) -> str:
    """A type as a person writes it."""
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(type_name(one) for one in get_args(hint))
    if hint is type(None):
        return "None"
    if isinstance(hint, type) and not get_args(hint):
        return hint.__name__
    name = str(hint)
    for module in ("ilkit.data.", "jaxtyping.", "typing."):
        name = name.replace(module, "")
    return ".".join(name.split(".")[-1:]) if "[" not in name else _short(name)


def _short(name: str) -> str:
    return re.sub(r"\b\w+\.(?=\w)", "", name)
