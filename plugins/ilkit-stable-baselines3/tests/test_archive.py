"""Archives of Stable-Baselines3: what is read of them, and what is refused."""

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ilkit_stable_baselines3.archive import read_archive

from ilkit.errors import DataError

Save = Callable[..., Path]
WEIGHTS = {"action_net.weight": np.ones((1, 3), np.float32)}


def test_pickled_entries_are_never_kept(folder: Path, save: Save) -> None:
    pickled = {":type:": "dict", ":serialized:": "gASVBQAAAAAAAAB9lC4=", "net_arch": "[8, 9]"}
    found = read_archive(save(folder / "expert.zip", WEIGHTS, policy_kwargs=pickled, use_sde=False))
    assert found.settings == {"policy_kwargs": {"net_arch": "[8, 9]"}, "use_sde": False}


def test_sbx_is_refused_for_its_pickle(folder: Path) -> None:
    with zipfile.ZipFile(folder / "expert.zip", "w") as archive:
        archive.writestr("data", json.dumps({"policy": {":serialized:": "gA=="}}))
    with pytest.raises(DataError, match="SBX"):
        read_archive(folder / "expert.zip")


def test_other_files_are_refused(folder: Path) -> None:
    path = folder / "expert.zip"
    for content in (b"", b"not a zip"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="can't be read"):
            read_archive(path)
    with pytest.raises(DataError, match="can't be read"):
        read_archive(folder / "absent.zip")
    for name, text, message in (("other", "", "entry data"), ("data", "{", "JSON"), ("data", "[]", "list")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, text)
        with pytest.raises(DataError, match=message):
            read_archive(path)


def test_weights_that_torch_refuses_are_refused(folder: Path) -> None:
    with zipfile.ZipFile(folder / "expert.zip", "w") as archive:
        archive.writestr("data", "{}")
        archive.writestr("policy.pth", b"gibberish")
    with pytest.raises(DataError, match="nothing but weights"):
        read_archive(folder / "expert.zip")


def test_without_torch_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch, save: Save) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    save(folder / "expert.zip", WEIGHTS)
    with pytest.raises(DataError, match=r"ilkit-stable-baselines3\[torch\]"):
        read_archive(folder / "expert.zip")
