"""`components.json`: a digest of code for each kind named in `params.yaml`, and the defaults, which DVC doesn't see."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ilkit.entry_points import component_entry_points
from ilkit.registry.digest import Code, component_digest, content_digest, core_digest
from ilkit.registry.settings import instruction_set, read_params
from ilkit.wiring.project import pipeline_of

_MEMORY = Path(".ilkit/validated.json")

Codes = Mapping[str, Mapping[str, Code]]
"""The code of every kind, by block and kind."""


def write_components(folder: Path) -> list[str]:
    """Validates `params.yaml` and the wiring, then writes `components.json`; returns what digests don't see.

    What was validated is remembered, so that nothing is imported while neither parameters nor code change.

    **Raises:** `IlkitError` where something is wrong; `components.json` is then as it was before.
    """
    memory = _remembered(folder / _MEMORY)
    if "digests" in memory:  # DVC has removed the file before it called us, and this may be stopped
        _write(folder / "components.json", memory["digests"])
    fingerprint = _fingerprint(folder)
    notes: list[str] = []
    chosen = instruction_set(read_params(folder / "params.yaml"))
    known = memory.get("fingerprint") == fingerprint
    if known and memory["digests"] == digests_of(_codes(memory["codes"]), chosen, folder):
        digests = memory["digests"]
    else:
        from ilkit.running.chosen import chosen_codes  # imports every component that is chosen, and so JAX

        codes, notes = chosen_codes(folder)
        digests = digests_of(codes, chosen, folder)
        _write(folder / _MEMORY, {"fingerprint": fingerprint, "codes": codes, "digests": digests})
    _write(folder / "components.json", digests)
    return notes


def _codes(remembered: Any) -> Codes:
    def code(module: str, own: Any, files: Any, modules: Any, settings: str) -> Code:
        return Code(module, tuple(own), tuple(files), tuple(modules), settings)

    return {block: {kind: code(*one) for kind, one in kinds.items()} for block, kinds in remembered.items()}


def digests_of(codes: Codes, instruction_set: str, folder: Path) -> dict[str, Any]:
    """What is written: the digests of these codes, of the runner, and what `params.yaml` may leave out."""
    blocks = {
        block: {kind: component_digest(code, folder) for kind, code in kinds.items()} for block, kinds in codes.items()
    }
    return {"core": core_digest(), "instruction_set": instruction_set, **blocks}


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in (folder / "params.yaml", folder / "dvc.yaml", pipeline_of(folder)):
        digest.update(content_digest(path).encode() if path.exists() else b"missing")
    for point in component_entry_points():
        digest.update(f"{point.group}:{point.name}={point.value}".encode())
    return digest.hexdigest()


def _remembered(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        return dict(found) if "codes" in found else {}
    except (OSError, ValueError, TypeError):
        return {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
