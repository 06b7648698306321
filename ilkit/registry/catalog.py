"""Everything that is installed, described: the one place that imports all components."""

from collections.abc import Iterator, Mapping
from typing import Any

from ilkit.errors import IlkitError
from ilkit.registry.find import find, installed, origin
from ilkit.registry.settings import INSTRUCTION_SETS


def catalog() -> Iterator[tuple[str, str, str, str]]:
    """Every kind: block, kind, distribution with version, and summary, or the reason why it can't be used."""
    for block, kinds in installed().items():
        for kind, points in kinds.items():
            for point in points:
                yield block, kind, origin(point), _summary(block, kind)


def params_schema(groups: Mapping[str, str]) -> dict[str, Any]:
    """The JSON Schema of a `params.yaml` with these blocks; `groups` gives each block's group."""
    blocks = {block: _block_schema(group) for block, group in groups.items()}
    settings = {
        "seed": {"type": "integer", "minimum": 0, "description": "The random seed of all stages."},
        "num_threads": {
            "type": "integer",
            "minimum": 1,
            "description": "Threads, on which the bits depend: of XLA, and for seeds to train side by side.",
        },
        "instruction_set": {
            "enum": list(INSTRUCTION_SETS),
            "default": INSTRUCTION_SETS[0],
            "description": "avx2: the same bytes on every x86-64 processor with AVX2; native: all that this one has.",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "params.yaml",
        "type": "object",
        "properties": settings | blocks,
        "required": ["seed", "num_threads", *blocks],
        "additionalProperties": False,
    }


def _block_schema(group: str) -> dict[str, Any]:
    kinds = {}
    for kind in installed().get(group, {}):
        try:
            kinds[kind] = _settings_schema(group, kind)
        except IlkitError:
            continue  # a broken plug-in is listed by `ilkit plugins`
    return {
        "type": "object",
        "properties": {"kind": {"enum": sorted(kinds)}, **kinds},
        "required": ["kind"],
        "additionalProperties": False,
    }


def _settings_schema(group: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = find(group, kind).spec.model_json_schema()
    found["properties"].pop("kind", None)
    return found


def _summary(block: str, kind: str) -> str:
    try:
        return (find(block, kind).spec.__doc__ or "").strip().splitlines()[0]
    except IlkitError as error:
        return f"broken: {error}"
