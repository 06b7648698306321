"""Recorded demonstrations from files of other libraries into artifacts, and back."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ilkit.artifact.store import load, save
from ilkit.curating.reading import check_free
from ilkit.data.demonstrations import Demonstrations
from ilkit.errors import DataError, PluginError
from ilkit.files.episodes import Note
from ilkit.registry.find import Component, find
from ilkit.registry.params import parse
from ilkit.spec import Spec

Settings = Mapping[str, Any]


def import_demonstrations(
    kind: str, path: Path, artifact: Path, settings: Settings, *, note: Note, force: bool = False
) -> Demonstrations:
    """Reads a recording and writes it as an artifact; the spaces are those that the file tells.

    **Raises:** `ParamsError` for a wrong kind or setting, `DataError` where the file can't be read or something lies at
    the artifact's place (another artifact is replaced with `force`), `ArtifactError` where it can't be written.
    """
    component = find("dataset", kind)
    check_free(artifact, force=force)
    demos: Demonstrations = _function(component, "read")(_spec(component, path, settings), note)
    if bad := _not_finite(demos):
        note(
            f"{bad} hold NaN or infinity. `ilkit data check {artifact}` says where; no stage learns from such numbers."
        )
    save(demos, artifact)
    return demos


def export_demonstrations(kind: str, artifact: Path, path: Path, settings: Settings) -> list[str]:
    """Writes an artifact as a recording, whole or not at all; returns what the format can't hold, in sentences.

    **Raises:** `ParamsError` for a wrong kind or setting, `ArtifactError` where there is no artifact, `DataError` where
    it holds no demonstrations, or there is something at the path already.
    """
    component = find("dataset", kind)
    spec = _spec(component, path, settings)
    demos = load(artifact)
    if not isinstance(demos, Demonstrations):
        raise DataError(f"{artifact} must be the artifact of demonstrations, got that of {type(demos).__name__}.")
    if path.exists():
        raise DataError(f"{path} is there already, and nothing is overwritten. Remove it or choose another path.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        losses: list[str] = _function(component, "write")(demos, written, spec)
        written.rename(path)
    return losses


def _not_finite(demos: Demonstrations) -> str:
    """Which arrays hold such numbers; rewards may be unknown altogether."""
    arrays = {"obs": demos.obs, "actions": demos.actions}
    if not np.isnan(demos.rewards).all():
        arrays["rewards"] = demos.rewards
    return " and ".join(name for name, array in arrays.items() if not np.isfinite(array).all())


def _spec(component: Component, path: Path, settings: Settings) -> Spec:
    return parse(component.spec, {**settings, "path": str(path)}, f"dataset.{component.kind}")


def _function(component: Component, name: str) -> Any:
    module = sys.modules[component.function.__module__]
    if not hasattr(module, name):
        raise PluginError(f"dataset.{component.kind} can't do this: {module.__name__} has no function `{name}`.")
    return getattr(module, name)
