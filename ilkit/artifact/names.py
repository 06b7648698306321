"""The names by which artifacts call the classes of what they hold: no name has a module in it, so that code can move.

A piece that several kinds share has the name of its entry point in the group `ilkit.stored`. What only one kind stores
lies in the module of that kind and is called `BLOCK.KIND/CLASS`; what equinox makes is called `equinox/CLASS`.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint

import equinox as eqx

from ilkit.entry_points import PREFIX, STAGES_GROUP, STORED_GROUP, component_entry_points
from ilkit.errors import ArtifactError

_EQUINOX = "equinox"


def name_of(found: type) -> str:
    """The name of a class.

    **Raises:** `ArtifactError` where it has none, so that it could not be loaded again.
    """
    value = f"{found.__module__}:{found.__qualname__}"
    shared = {point.value: name for name, point in _shared(component_entry_points()).items()}
    modules: dict[str, str] = {}
    for name, point in _kinds(component_entry_points()).items():
        modules.setdefault(point.value.split(":")[0], name)
    if value in shared:
        return shared[value]
    if found.__module__ in modules:
        return f"{modules[found.__module__]}/{found.__qualname__}"
    if getattr(eqx.nn, found.__name__, None) is found:
        return f"{_EQUINOX}/{found.__name__}"
    raise ArtifactError(
        f"{found.__name__} is defined in {found.__module__}, which is the module of no kind, so it could not be loaded "
        f'again. Name it under [project.entry-points."{STORED_GROUP}"]: {_snake(found.__name__)} = "{value}".'
    )


def class_named(name: str) -> type:
    """The class that an artifact calls by a name; nothing but registered modules and equinox is imported.

    **Raises:** `ArtifactError` where no class has the name in what is installed.
    """
    kind, _, inner = name.partition("/")
    if kind == _EQUINOX:
        return _class(getattr(eqx.nn, inner, None), name)
    point = (_kinds if inner else _shared)(component_entry_points()).get(kind)
    if point is None:
        raise ArtifactError(f"{name} is of a kind that isn't installed. Install the plug-in that has it first.")
    module, _, qualified = point.value.partition(":")
    try:
        return _class(getattr(importlib.import_module(module), inner or qualified), name)
    except (ImportError, AttributeError) as error:
        raise ArtifactError(f"{name} isn't there in the installed version: {error}.") from error


def version_of(found: type) -> int:
    """The version of what a class stores, `stored_version` where it has that: another one is refused on reading."""
    return int(getattr(found, "stored_version", 1))


def _class(found: object, name: str) -> type:
    if not isinstance(found, type):
        raise ArtifactError(f"{name} is no class.")
    return found


@cache
def _shared(points: tuple[EntryPoint, ...]) -> Mapping[str, EntryPoint]:
    return {point.name: point for point in points if point.group == STORED_GROUP}


@cache
def _kinds(points: tuple[EntryPoint, ...]) -> Mapping[str, EntryPoint]:
    others = (STAGES_GROUP, STORED_GROUP)
    return {f"{one.group.removeprefix(PREFIX)}.{one.name}": one for one in points if one.group not in others}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
