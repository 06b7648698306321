"""ilkit: imitation learning in pure JAX, chained by DVC into pipelines that rerun to the same bytes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ilkit import stages
    from ilkit.artifact.store import load, save
    from ilkit.running.pipelines import pipeline

__all__ = ["load", "pipeline", "save", "stages"]

_HOMES = {"load": "ilkit.artifact.store", "save": "ilkit.artifact.store", "pipeline": "ilkit.running.pipelines"}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that `import ilkit` alone doesn't import JAX."""
    import importlib

    if name == "stages":
        return importlib.import_module("ilkit.stages")
    if name not in _HOMES:
        raise AttributeError(f"module 'ilkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
