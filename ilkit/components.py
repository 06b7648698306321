"""`components.json`: a digest of code for each kind named in `params.yaml`, and the defaults, which DVC doesn't see."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ilkit.digest import component_digest, content_digest, core_digest
from ilkit.entry_points import component_entry_points
from ilkit.errors import ParamsError

_MEMORY = Path(".ilkit/validated.json")


def write_components(folder: Path) -> None:
    """Validates `params.yaml` and the wiring, then writes `components.json`.

    What was validated is remembered, so that nothing is imported while neither parameters nor code change.

    **Raises:** `IlkitError` where something is wrong; `components.json` is then as it was before.
    """
    memory = _remembered(folder / _MEMORY)
    if "digests" in memory:  # DVC has removed the file before it called us, and this may be stopped
        _write(folder / "components.json", memory["digests"])
    fingerprint = _fingerprint(folder)
    known = memory.get("fingerprint") == fingerprint
    if known and _digests(memory["components"], folder).items() <= memory["digests"].items():
        digests = memory["digests"]
    else:
        components = _validated(folder)
        digests = _digests(components, folder) | _chosen(folder)
        memory = {"fingerprint": fingerprint, "components": components, "digests": digests}
        _write(folder / _MEMORY, memory)
    _write(folder / "components.json", digests)


def current_components(folder: Path) -> dict[str, Any]:
    """What `write_components` would write.

    **Raises:** `IlkitError` where something is wrong.
    """
    return _digests(_validated(folder), folder) | _chosen(folder)


def check(folder: Path, pipeline: Path | None = None) -> None:
    """Validates `params.yaml` and the folder's pipeline, and that its environment can be made; writes nothing.

    **Raises:** `ParamsError` with everything that is wrong, a line each; `WiringError`.
    """
    from ilkit.params import faults, read_params
    from ilkit.pipelines import load_pipeline
    from ilkit.project import pipeline_of
    from ilkit.run import environment_faults, seed_faults

    raw = read_params(folder / "params.yaml")
    graph = load_pipeline(pipeline or pipeline_of(folder)).graph
    found = faults(raw, graph.groups()) or seed_faults(graph, raw) or _missing_files(raw, graph.groups(), folder)
    found = found or environment_faults(graph, raw)
    if found:
        raise ParamsError("\n".join(found))


def code_digest(module: str, files: list[str], folder: Path) -> str:
    """The digest of one component, and of the files that its spec points to."""
    return component_digest(module, [folder / name for name in files])


def _validated(folder: Path) -> dict[str, dict[str, Any]]:
    from ilkit.params import candidates, fold, kind_of, read_params
    from ilkit.pipelines import load_pipeline
    from ilkit.project import pipeline_of
    from ilkit.registry import entry_point

    check(folder)
    raw = read_params(folder / "params.yaml")
    found: dict[str, dict[str, Any]] = {}
    for block, group in load_pipeline(pipeline_of(folder)).graph.groups().items():
        chosen = kind_of(raw, block)
        for kind in candidates(raw, block):
            spec = fold(raw, block, group)
            files = [str(path) for path in (*_paths(spec), *_modules(spec, folder))] if kind == chosen else []
            module = entry_point(group, kind).value.split(":")[0]
            found.setdefault(block, {})[kind] = {"module": module, "files": files}
    return found


def _paths(spec: Any) -> Iterator[Path]:
    return (value for _, value in spec if isinstance(value, Path))


def _modules(spec: Any, folder: Path) -> Iterator[Path]:
    """The sources of the user's own modules that settings such as `my_robot:MyRobot-v0` name."""
    for _, value in spec:
        module, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
        if colon and module:
            place = folder.joinpath(*module.split("."))
            found = [place.with_suffix(".py"), *sorted(place.rglob("*.py"))]
            yield from (one.relative_to(folder) for one in found if one.is_file())


def _missing_files(raw: Mapping[str, Any], groups: Mapping[str, str], folder: Path) -> list[str]:
    """Where the spec of a chosen kind points to nothing."""
    from ilkit.params import fold, kind_of

    found = []
    for block, group in groups.items():
        for field, value in fold(raw, block, group):
            if isinstance(value, Path) and not (folder / value).exists():
                beside = [path.name for path in (folder / value).parent.glob("*")]
                near = "".join(f" Did you mean {name!r}?" for name in get_close_matches(value.name, beside, n=1))
                found.append(
                    f"{block}.{kind_of(raw, block)}.{field}: must point to a file or folder that exists, got "
                    f"{str(value)!r}.{near}"
                )
    return found


def _digests(components: dict[str, dict[str, Any]], folder: Path) -> dict[str, Any]:
    blocks = {
        block: {kind: code_digest(one["module"], one["files"], folder) for kind, one in kinds.items()}
        for block, kinds in components.items()
    }
    return {"core": core_digest(), **blocks}


def _chosen(folder: Path) -> dict[str, Any]:
    from ilkit.params import instruction_set, read_params

    return {"instruction_set": instruction_set(read_params(folder / "params.yaml"))}


def _fingerprint(folder: Path) -> str:
    from ilkit.project import pipeline_of

    digest = hashlib.sha256()
    for path in (folder / "params.yaml", folder / "dvc.yaml", pipeline_of(folder)):
        digest.update(content_digest(path).encode() if path.exists() else b"missing")
    for point in component_entry_points():
        digest.update(f"{point.group}:{point.name}={point.value}".encode())
    return digest.hexdigest()


def _remembered(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
