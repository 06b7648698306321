"""Compiling a pipeline to `dvc.yaml`: the topology is generated, the choice stays in `params.yaml`."""

import io
from typing import Any

from ruamel.yaml import YAML

from ilkit.data.policy import Policy
from ilkit.data.report import Report
from ilkit.wiring.project import ARTIFACTS
from ilkit.wiring.tracing import Graph, Node, part_blocks, upstream

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
    blocks = _blocks(node)
    settings = ["seed", "num_threads"]
    for block in dict.fromkeys([*blocks, *_told_blocks(node)]):
        settings += [f"{block}.kind", f"{block}.${{{block}.kind}}"]
    code = ["core", "instruction_set", *(f"{block}.${{{block}.kind}}" for block in blocks)]
    inputs = dict.fromkeys(f"{ARTIFACTS}/{edge.name}" for edge in node.inputs.values())
    return {
        "desc": node.declaration.function.__doc__,
        "cmd": f"python -m ilkit run {node.name}",
        **({"deps": list(inputs)} if inputs else {}),
        "params": [*settings, {"components.json": code}],
        "outs": [f"{ARTIFACTS}/{edge.name}" for edge in node.edges],
    }


def _blocks(node: Node) -> list[str]:
    return list(dict.fromkeys([node.block, *(block for block, _ in part_blocks(node))]))


def _told_blocks(node: Node) -> list[str]:
    """The blocks whose settings a stage says of itself: a report names those of all stages that it comes from."""
    if Report not in node.declaration.artifacts.values():
        return []
    return [block for other in upstream(node) for block in _blocks(other)]


def _plot(node: Node, *, is_single: bool) -> dict[str, Any]:
    report = f"{ARTIFACTS}/{node.name}"
    named = {name: edge for name, edge in node.inputs.items() if name not in node.declaration.arguments}
    policies = [name for name, edge in named.items() if edge.makes is Policy]  # rewards have no curve of returns
    return {
        "learning curves" if is_single else f"learning curves of {node.name}": {
            "x": "env_steps",
            "y": {f"{report}/learning_curves.tsv": policies or list(named)},
            "title": "Return against steps of the environment",
            "x_label": "env steps",
            "y_label": "return",
        }
    }
