"""Finding components: entry points, imported only when used, checked against their declaration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import EntryPoint
from inspect import signature
from typing import Any, get_type_hints

from ilkit import stages
from ilkit.data.build import Build
from ilkit.declaration import Declaration, choices_of, variadic_hint
from ilkit.entry_points import PREFIX, STAGES_GROUP, STORED_GROUP, component_entry_points
from ilkit.errors import ParamsError, PluginError, nearest
from ilkit.registry.signature import signature_fault
from ilkit.spec import Spec


@dataclass(frozen=True)
class Component:
    """A kind of a block, imported."""

    block: str
    kind: str
    function: Callable[..., Any]
    spec: type[Spec]

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        """The resolved type of every parameter, and of what is returned."""
        return get_type_hints(self.function)

    @property
    def returns(self) -> Any:
        """The type that the function returns."""
        return self.hints["return"]

    @cached_property
    def left_out(self) -> frozenset[str]:
        """The optional arguments of the declaration that the function doesn't take."""
        return declarations()[self.block].optional - set(self.hints)

    @cached_property
    def others(self) -> tuple[Any, ...]:
        """The types of what the function takes by any other name."""
        return choices_of(variadic_hint(self.function))

    @cached_property
    def needs(self) -> frozenset[str]:
        """The optional arguments of the declaration that the function can't do without."""
        parameters = signature(self.function).parameters
        taken = declarations()[self.block].optional & set(parameters)
        return frozenset(name for name in taken if parameters[name].default is parameters[name].empty)

    @property
    def wraps(self) -> bool:
        """Whether it is a wrapper around another kind of its block, which its setting `inner` names."""
        return declarations()[self.block].wrapped in self.hints

    def build(self, spec: Spec, parts: tuple[Build[Any], ...], inner: Build[Any] | None = None) -> Build[Any]:
        """The part that this is, chosen with a spec, the parts inside of it and what it is a wrapper around."""
        optional = tuple(sorted(declarations()[self.block].optional))
        return Build(self.block, self.kind, self.function, spec, parts, inner, optional)


@cache
def installed() -> Mapping[str, Mapping[str, tuple[EntryPoint, ...]]]:
    """The entry points of all components, by block and kind; nothing is imported."""
    found: dict[str, dict[str, tuple[EntryPoint, ...]]] = {}
    for point in component_entry_points():
        if point.group not in (STAGES_GROUP, STORED_GROUP):
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
            f"{at or f'{block}.kind'} must be a registered kind of {block}, got {kind!r}. {nearest(kind, kinds)}"
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
    """Imports a component and checks it; `at` says where in `params.yaml` it is named, for the message.

    **Raises:** `ParamsError` for an unknown kind; `PluginError`, which names the distribution, where it can't be
    imported, its spec has another kind, or its signature doesn't match the declaration.
    """
    return _imported(entry_point(block, kind, at=at), block, kind)


@cache
def declarations() -> Mapping[str, Declaration[Any, Any]]:
    """The declarations of all blocks: those of ilkit, and those of plug-ins that declare stages of their own."""
    found = {name: value for name, value in vars(stages).items() if isinstance(value, Declaration)}
    for point in component_entry_points():
        if point.group == STAGES_GROUP:
            found[point.name] = _load(point, "stages", point.name)
    return found


@cache
def _imported(point: EntryPoint, block: str, kind: str) -> Component:
    function = _load(point, block, kind)
    fault = _fault(function, block, kind)
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


def _fault(function: Any, block: str, kind: str) -> str | None:
    if block not in declarations():
        return f"no stage or part is called {block!r}. {nearest(block, declarations())}"
    return signature_fault(function, declarations()[block], kind)
