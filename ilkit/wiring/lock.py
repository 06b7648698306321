"""Reading `dvc.lock`: what DVC says that every stage was made from, and the digests of what it wrote."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ilkit.errors import ParamsError, WiringError
from ilkit.registry.document import read_document
from ilkit.wiring.project import ARTIFACTS


class Locked(NamedTuple):
    """What `dvc.lock` says of a stage: digests of the artifacts that it read and wrote, and its settings."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    params: Mapping[str, Any]
    code: Mapping[str, Any]


def read_lock(folder: Path) -> dict[str, Locked]:
    """The stages of a folder's `dvc.lock` by name.

    **Raises:** `WiringError` where there is none, or DVC didn't write it.
    """
    path = folder / "dvc.lock"
    try:
        stages = read_document(path)["stages"]
        return {name: _locked(stage) for name, stage in stages.items() if name != "components"}
    except FileNotFoundError as error:
        raise WiringError(f"There is no {path}. Run `dvc repro`, which writes it.") from error
    except (ParamsError, LookupError, TypeError, AttributeError) as error:
        raise WiringError(f"{path} must be as DVC writes it, got {error!r}. Restore it, or run `dvc repro`.") from error


def folder_digest(folder: Path) -> str:
    """The digest of a folder as DVC writes it: MD5 of the list of its files with their MD5s; empty without a folder."""
    if not folder.is_dir():
        return ""
    files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    listed = [{"md5": _md5(path.read_bytes()), "relpath": name} for name, path in files]
    return _md5(json.dumps(listed).encode()) + ".dir"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _locked(stage: dict[str, Any]) -> Locked:
    params, code = (stage.get("params", {}).get(name, {}) for name in ("params.yaml", "components.json"))
    inputs, outputs = (
        {str(one["path"]).removeprefix(f"{ARTIFACTS}/"): str(one["md5"]) for one in stage.get(which, ())}
        for which in ("deps", "outs")
    )
    return Locked(inputs, outputs, params, code)
