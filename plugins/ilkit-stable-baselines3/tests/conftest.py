"""A folder, archives in it as Stable-Baselines3 writes them, and what stands for torch."""

import io
import json
import sys
import types
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest


class Tensor:
    """As much of a torch tensor as is used."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def detach(self) -> "Tensor":
        return self

    def numpy(self) -> np.ndarray:
        return self.array


def load_weights(file: io.BytesIO, *, map_location: str, weights_only: bool) -> dict[str, Tensor]:
    """Stands for `torch.load`, of arrays that numpy has saved."""
    assert map_location == "cpu"
    assert weights_only, "a saved model must never be unpickled"
    with np.load(file, allow_pickle=False) as arrays:
        return {name: Tensor(arrays[name]) for name in arrays.files}


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("torch")
    module.load = load_weights  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", module)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def save() -> Callable[..., Path]:
    """Writes an archive."""

    def write(path: Path, weights: Mapping[str, np.ndarray], **settings: Any) -> Path:
        """Writes an archive as Stable-Baselines3 does, the weights as numpy saves them."""
        file = io.BytesIO()
        np.savez(file, **weights)  # type: ignore[arg-type]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", json.dumps(settings))
            archive.writestr("policy.pth", file.getvalue())
            archive.writestr("_stable_baselines3_version", "2.9.2")
        return path

    return write
