"""Files that a spec names: their digests are part of what a result depends on."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ilkit.spec import MADE_LATER


def paths(spec: BaseModel) -> Iterator[tuple[str, Path]]:
    """Every path in a spec, however deep, with the place of its setting: `path`, `paths.0`."""
    for name, value in spec:
        yield from _paths_in(name, value)


def missing(spec: BaseModel, folder: Path) -> Iterator[str]:
    """What is wrong with every path in a spec that points to nothing, and isn't made later."""
    later = {name for name, field in type(spec).model_fields.items() if MADE_LATER in field.metadata}
    for place, path in paths(spec):
        if place not in later and not (folder / path).exists():
            beside = [one.name for one in (folder / path).parent.glob("*")]
            near = "".join(f" Did you mean {name!r}?" for name in get_close_matches(path.name, beside, n=1))
            yield f"{place}: must point to a file or folder that exists, got {str(path)!r}.{near}"


def own_modules(spec: BaseModel, folder: Path) -> Iterator[str]:
    """The user's own modules that settings such as `my_robot:MyRobot-v0` name."""
    for _, value in spec:
        module, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
        place = folder.joinpath(*module.split("."))
        if colon and module and (place.with_suffix(".py").is_file() or place.is_dir()):
            yield module


def _paths_in(place: str, value: Any) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield place, value
    elif isinstance(value, BaseModel):
        yield from ((f"{place}.{inner}", path) for inner, path in paths(value))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _paths_in(f"{place}.{name}", one)
    elif isinstance(value, (tuple, list, frozenset)):
        for index, one in enumerate(value):
            yield from _paths_in(f"{place}.{index}", one)
