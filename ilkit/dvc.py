"""DVC's files: `dvc.yaml`, compiled from a pipeline (the choice stays in `params.yaml`), and `dvc.lock`, read."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ilkit.errors import WiringError
from ilkit.project import ARTIFACTS
from ilkit.tracing import Graph, Node, part_blocks

_HEADER = "# Written by `ilkit compile` from {pipeline}: don't edit. What to run is chosen in params.yaml.\n"


def compile_pipeline(graph: Graph, pipeline: str) -> str:
    """The text of the `dvc.yaml` of a graph; `pipeline` is the path of its file as seen from there."""
    stages: dict[str, Any] = {
        "components": {
            "desc": "Validates params.yaml and writes one digest of the code per kind.",
            "cmd": "python -m ilkit components",
            "always_changed": True,
            "outs": [{"components.json": {"cache": False}}],
            "meta": {"pipeline": pipeline},
        }
    }
    stages |= {node.name: _stage(node) for node in graph.nodes.values()}
    content = {
        "stages": stages,
        "metrics": [f"{ARTIFACTS}/{name}/metrics.json" for name in graph.outputs],
        "plots": [_plot(graph.nodes[name], is_single=len(graph.outputs) == 1) for name in graph.outputs],
    }
    text = io.StringIO()
    writer = YAML()
    writer.width = 120
    writer.dump(content, text)
    return _HEADER.format(pipeline=pipeline) + text.getvalue()


def _stage(node: Node) -> dict[str, Any]:
    blocks = dict.fromkeys([node.block, *(block for block, _ in part_blocks(node))])
    settings = ["seed", "num_threads"]
    for block in blocks:
        settings += [f"{block}.kind", f"{block}.${{{block}.kind}}"]
    code = ["core", "instruction_set", *(f"{block}.${{{block}.kind}}" for block in blocks)]
    inputs = dict.fromkeys(f"{ARTIFACTS}/{made.name}" for made in node.inputs.values())
    return {
        "desc": node.declaration.function.__doc__,
        "cmd": f"python -m ilkit run {node.name}",
        **({"deps": list(inputs)} if inputs else {}),
        "params": [*settings, {"components.json": code}],
        "outs": [f"{ARTIFACTS}/{node.name}"],
    }


def _plot(node: Node, *, is_single: bool) -> dict[str, Any]:
    report = f"{ARTIFACTS}/{node.name}"
    declared = signature(node.declaration.function).parameters
    policies = [name for name in node.inputs if name not in declared]
    return {
        "learning curves" if is_single else f"learning curves of {node.name}": {
            "x": "env_steps",
            "y": {f"{report}/learning_curves.tsv": policies},
            "title": "Return against steps of the environment",
            "x_label": "env steps",
            "y_label": "return",
        }
    }


@dataclass(frozen=True)
class Locked:
    """What `dvc.lock` says of a stage: what it was made from, how, and the digests of what it read and wrote."""

    inputs: Mapping[str, str]
    output: str
    params: Mapping[str, Any]
    code: Mapping[str, Any]


def read_lock(folder: Path) -> dict[str, Locked]:
    """The stages of a folder's `dvc.lock` by name.

    **Raises:** `WiringError` where there is none, or DVC didn't write it.
    """
    path = folder / "dvc.lock"
    try:
        stages = YAML(typ="safe").load(path.read_text(encoding="utf-8"))["stages"]
        return {name: _locked(stage) for name, stage in stages.items() if name != "components"}
    except FileNotFoundError as error:
        raise WiringError(f"There is no {path}. Run `dvc repro`, which writes it.") from error
    except (YAMLError, UnicodeDecodeError, LookupError, TypeError, AttributeError) as error:
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
    inputs = {Path(dep["path"]).name: str(dep["md5"]) for dep in stage.get("deps", ())}
    return Locked(inputs, str(stage["outs"][0]["md5"]), params, code)
