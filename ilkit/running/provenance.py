"""What a plan says of where a report comes from."""

from collections.abc import Iterator, Mapping
from typing import Any

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.report import Report
from ilkit.data.seeds import Seeds
from ilkit.planning.plan import Plan
from ilkit.reporting.provenance import Block, Origin, Provenance, with_provenance
from ilkit.running.remarks import remarks_on
from ilkit.wiring.tracing import Edge, Node, part_blocks, upstream


def told(plan: Plan, name: str, inputs: Mapping[str, Any], artifacts: Mapping[str, Any]) -> dict[str, Any]:
    """What a stage has made of its inputs; reports say what made them."""
    return {
        made: with_provenance(artifact, _provenance(plan, plan.graph.nodes[name], inputs))
        if isinstance(artifact, Report)
        else artifact
        for made, artifact in artifacts.items()
    }


def _provenance(plan: Plan, node: Node, inputs: Mapping[str, Any]) -> Provenance:
    names = {one.name for one in (*upstream(node), node)}
    stages = [one for one in plan.graph.nodes.values() if one.name in names]
    policies = {name: edge for name, edge in node.inputs.items() if name not in node.declaration.arguments}
    sizes = {
        node.inputs[argument].name: (given.num_episodes, given.num_counted)
        for argument, given in inputs.items()
        if isinstance(given, Demonstrations)
    }
    return Provenance(
        {"seed": plan.seed, "num_threads": plan.num_threads, "instruction_set": plan.instruction_set},
        tuple(_origin(plan, one) for one in stages),
        {name: tuple(dict.fromkeys(_demonstrations(edge))) for name, edge in policies.items()},
        sizes,
        {name: tuple(_remarks(plan, edge, inputs[name])) for name, edge in policies.items()},
    )


def _remarks(plan: Plan, edge: Edge, learnt: Any) -> list[str]:
    return remarks_on(plan.call(edge.node.name), learnt.curves) if isinstance(learnt, Seeds) else []


def _origin(plan: Plan, node: Node) -> Origin:
    used = {node.block, *(block for block, _ in part_blocks(node))}
    settings: dict[str, dict[str, Any]] = {node.block: {}}
    for block, spec in plan.specs():
        if block in used:
            dumped = spec.model_dump(mode="json")
            settings.setdefault(block, {})[dumped.pop("kind")] = dumped
    blocks = tuple(Block(block, next(iter(kinds)), kinds) for block, kinds in settings.items())
    return Origin(node.name, blocks, {argument: edge.name for argument, edge in node.inputs.items()})


def _demonstrations(edge: Edge) -> Iterator[str]:
    """The demonstrations that went into what is on an edge, and no further back than to them."""
    for given in edge.node.inputs.values():
        if given.makes is Demonstrations:
            yield given.name
        else:
            yield from _demonstrations(given)
