"""Reading what Stable-Baselines3 saves, without unpickling anything.

The archive holds `data`, a JSON text whose entries are plain or pickled (those with the key ":serialized:", which also
show some of their parts as text), and `policy.pth`, the weights, which torch reads with `weights_only=True`.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ilkit.errors import DataError

_LARGEST = 2**31
"""The most bytes that an entry of the archive may have, unpacked."""


class Archive(NamedTuple):
    """What is read of a saved model."""

    weights: Mapping[str, np.ndarray]
    """The arrays of the policy by their names in torch."""
    settings: Mapping[str, Any]
    """The entries of `data`; of a pickled one only what it shows as text."""


def read_archive(path: Path) -> Archive:
    """Reads the weights and the settings.

    **Raises:** `DataError` where the file isn't what Stable-Baselines3 saves, where its weights can only be unpickled
    (those of SBX), or where torch isn't installed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            settings = _settings(archive, path)
            if "policy.pth" not in archive.namelist():
                raise DataError(
                    f"{path} must hold policy.pth, got {', '.join(archive.namelist())}. SBX keeps its weights in a "
                    "pickle, which is never loaded, for it may run any code. Convert it where SBX is installed, as the "
                    "README of this plug-in shows, and choose expert.kind mlp."
                )
            weights = _weights(_entry(archive, "policy.pth", path), path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} can't be read as a saved model: {error}. Give what `model.save` has written."
        ) from error
    return Archive(weights, settings)


def _entry(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    size = archive.getinfo(name).file_size
    if size > _LARGEST:
        raise DataError(f"{name} in {path} must have at most {_LARGEST} bytes, got {size}. Is the file damaged?")
    return archive.read(name)


def _settings(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if "data" not in archive.namelist():
        raise DataError(f"{path} must hold the entry data, got none. Give what `model.save` has written.")
    try:
        found = json.loads(_entry(archive, "data", path))
    except ValueError as error:
        raise DataError(f"The entry data of {path} must be JSON: {error}. Save the model again.") from error
    if not isinstance(found, dict):
        raise DataError(f"The entry data of {path} must be a JSON object, got {type(found).__name__}.")
    return {name: _without_pickles(value) for name, value in found.items()}


def _without_pickles(value: Any) -> Any:
    return {name: part for name, part in value.items() if name[:1] != ":"} if isinstance(value, dict) else value


def _weights(content: bytes, path: Path) -> dict[str, np.ndarray]:
    try:
        import torch  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise DataError(
            f"expert.kind stable_baselines3 needs torch to read weights, which can't be imported: {error}. "
            "Run: pip install 'ilkit-stable-baselines3[torch]'"
        ) from error
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises errors of many classes where there is more than weights
        raise DataError(
            f"policy.pth of {path} must hold nothing but weights: {error}. Save the model again."
        ) from error
    return {str(name): np.asarray(tensor.detach().numpy()) for name, tensor in state.items()}
