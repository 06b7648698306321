"""The entry points of ilkit and its plug-ins, read from the metadata of what is installed; nothing is imported."""

from functools import cache
from importlib.metadata import EntryPoint, distributions

PREFIX = "ilkit."
STAGES_GROUP = "ilkit.stages"
"""The declarations of stages that plug-ins add."""
STORED_GROUP = "ilkit.stored"
"""The classes of what artifacts hold, by the names that artifacts call them."""


@cache
def component_entry_points() -> tuple[EntryPoint, ...]:
    """All entry points in groups of ilkit, in a fixed order; of two copies of a distribution the first found counts."""
    seen: set[str] = set()
    found: list[EntryPoint] = []
    for distribution in distributions():
        text = distribution.read_text("entry_points.txt") or ""
        if PREFIX in text and (name := str(distribution.name)) not in seen:
            seen.add(name)
            found += [point for point in distribution.entry_points if point.group.startswith(PREFIX)]
    return tuple(sorted(found, key=lambda point: (point.group, point.name, point.value)))
