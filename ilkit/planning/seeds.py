"""Training seeds along the edges of a plan: who continues how many, and who takes a single one."""

from collections.abc import Iterator
from typing import Any, get_origin

from ilkit.data.seeds import Seeds
from ilkit.data.training import Training
from ilkit.errors import IlkitError, counted
from ilkit.planning.plan import Plan
from ilkit.registry.params import kind_of
from ilkit.wiring.tracing import Node


def seed_faults(plan: Plan) -> Iterator[str]:
    """Where a stage continues another one with a different number of training seeds, or takes one of several."""
    counts = {name: _num_seeds(plan, node) for name, node in plan.graph.nodes.items()}
    for node in plan.graph.nodes.values():
        at = _place(plan, node)
        for name, edge in node.inputs.items():
            own, given, source = counts[node.name], counts[edge.node.name], _place(plan, _learner(plan, edge.node))
            if given is None:
                continue
            if node.declaration.takes_seeds(name):
                yield from _choice_faults(plan, node, name, given)
            elif own is not None:
                yield from continuing_fault(at, own, name, given, source)
            elif given > 1 and not _learns(plan, node):
                yield single_fault(f"{at}.{name}", edge.name, given, f"{source}.num_seeds")


def continuing_fault(at: str, num_seeds: int, name: str, given: int, source: str = "") -> list[str]:
    """What is wrong with so many seeds of an input that a stage, whose settings stand `at`, continues with its own."""
    if given in (1, num_seeds):
        return []
    theirs = f", or {source}.num_seeds to 1" if source else ""
    return [
        f"{at}.num_seeds: must be that of {name} ({given}), "
        f"got {num_seeds}. Seed i continues seed i; only a single one is shared by all. Set it to {given}{theirs}."
    ]


def single_fault(at: str, made_by: str, given: int, source: str) -> str:
    """What is wrong with several seeds of an input of a stage that takes one; `source` is the setting that says it."""
    return (
        f"{at}: must have one training seed, and {made_by} has {given}. Set {source} to 1 or, where others need "
        "them all, learn it once more by a block of its own with num_seeds: 1."
    )


def _choice_faults(plan: Plan, node: Node, name: str, given: int) -> Iterator[str]:
    """A number of a training seed that isn't there, where a stage that takes all is told which one."""
    if _returns(plan, node) is None:
        return  # said of the block
    settings = plan.raw[node.block].get(kind_of(plan.raw, node.block))
    chosen = settings.get("training_seed", 0) if isinstance(settings, dict) else 0
    if type(chosen) is int and chosen >= given:
        yield (
            f"{_place(plan, node)}.training_seed: must be below the {counted(given, 'training seed')} of {name}, "
            f"counted from 0, got {chosen}."
        )


def _place(plan: Plan, node: Node) -> str:
    """Where the settings of a stage stand in `params.yaml`."""
    return f"{node.block}.{plan.raw[node.block]['kind']}" if _returns(plan, node) is not None else node.block


def _learner(plan: Plan, node: Node) -> Node:
    """The stage whose training seeds a stage hands on."""
    if get_origin(_returns(plan, node)) is not Seeds:
        return node
    return next((_learner(plan, edge.node) for edge in node.inputs.values()), node)


def _learns(plan: Plan, node: Node) -> bool:
    return get_origin(_returns(plan, node)) is Training


def _returns(plan: Plan, node: Node) -> Any:
    """What the chosen kind of a stage returns; None where there is no such kind."""
    try:
        return plan.component(node.block, node.declaration.name).returns
    except IlkitError:
        return None


def _num_seeds(plan: Plan, node: Node) -> int | None:
    """The training seeds of a stage that learns, as they are told whatever else is wrong with its settings."""
    node, returns = _learner(plan, node), _returns(plan, _learner(plan, node))
    if get_origin(returns) is not Training:
        return None
    component = plan.component(node.block, node.declaration.name)
    field, settings = component.spec.model_fields.get("num_seeds"), plan.raw[node.block].get(component.kind)
    if field is None:
        return 1
    told = settings.get("num_seeds", field.default) if isinstance(settings, dict) else None
    return told if type(told) is int and told > 0 else None
