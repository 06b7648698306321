"""Recorded demonstrations from files of other libraries into artifacts, and back."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ilkit.artifact.store import save
from ilkit.curating.reading import check_free, read_demonstrations
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.format import Format, Note, Wanted
from ilkit.errors import DataError
from ilkit.registry.find import find
from ilkit.registry.params import parse

Settings = Mapping[str, Any]


def import_demonstrations(
    kind: str, path: Path, artifact: Path, settings: Settings, *, note: Note, force: bool = False
) -> Demonstrations:
    """Reads a recording and writes it as an artifact; the spaces are those that the file tells.

    Settings are those of the format and those of what is wanted of it.

    **Raises:** `ParamsError` for a wrong kind or setting, `DataError` where the file can't be read or something lies at
    the artifact's place (another artifact is replaced with `force`), `ArtifactError` where it can't be written.
    """
    wanted = {name: value for name, value in settings.items() if name in Wanted.model_fields}
    chosen = _format(kind, {name: value for name, value in settings.items() if name not in wanted}, Wanted)
    check_free(artifact, force=force)
    demos = chosen.read(path, note, parse(Wanted, wanted, "dataset.file"))
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
    chosen = _format(kind, settings)
    demos = read_demonstrations(artifact)
    if path.exists():
        raise DataError(f"{path} is there already, and nothing is overwritten. Remove it or choose another path.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        losses = chosen.write(demos, written)
        written.rename(path)
    return losses


def _not_finite(demos: Demonstrations) -> str:
    """Which arrays hold such numbers; rewards may be unknown altogether."""
    arrays: dict[str, Any] = {"obs": demos.obs, "actions": demos.actions}
    if not np.isnan(demos.rewards).all():
        arrays["rewards"] = demos.rewards
    return " and ".join(
        name for name, rows in arrays.items() if not all(np.isfinite(one).all() for one in jax.tree.leaves(rows))
    )


def _format(kind: str, settings: Settings, *beside: type[Wanted]) -> Format:
    component = find("format", kind)
    chosen: Format = component.function(parse(component.spec, settings, f"format.{kind}", beside))
    return chosen
