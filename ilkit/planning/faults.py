"""What is wrong with a plan, found before anything runs."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, get_args

from ilkit.data.demonstrations import Demonstrations
from ilkit.declaration import type_name
from ilkit.planning.plan import Call, Plan
from ilkit.planning.seeds import seed_faults
from ilkit.planning.tasks import task_faults
from ilkit.registry.find import Component, find, installed
from ilkit.registry.params import faults
from ilkit.wiring.project import ARTIFACTS
from ilkit.wiring.tracing import Node


def plan_faults(plan: Plan) -> list[str]:
    """Everything that is wrong with the settings of a plan, and with what it hands to its stages."""
    found = faults(plan.raw, plan.groups)
    askers = () if found else (_input_faults, _next_state_faults, _path_faults, task_faults)
    return list(dict.fromkeys([*found, *(fault for ask in askers for fault in ask(plan)), *seed_faults(plan)]))


def _input_faults(plan: Plan) -> Iterator[str]:
    for call in plan.calls:
        yield from input_faults(plan, call)


def input_faults(plan: Plan, call: Call) -> Iterator[str]:
    """Where a pipeline hands a stage what the chosen kind doesn't take, or leaves out what it needs."""
    node, component = call.node, call.component
    given = {*node.inputs, *node.parts}
    yield from (f"{node.block}.{component.kind}.{fault}" for fault in call.spec.input_faults(given))
    sources = {name: plan.call(edge.node.name).spec for name, edge in node.inputs.items()}
    yield from (f"{node.block}.{component.kind}.{fault}" for fault in call.spec.source_faults(sources))
    for part, block in node.parts.items():
        chosen = plan.build(block, part)
        yield from (f"{block.name}.{chosen.kind}.{fault}" for fault in chosen.spec.input_faults(given))
    for name in sorted(given & component.left_out):
        takers = [kind for kind, other in _components(component.block) if name not in other.left_out]
        yield (
            f"{node.block}.kind: {component.kind} takes no {name}, which the pipeline hands to {node.name}. "
            "Leave it out of the pipeline, or choose a kind that takes it: "
            f"{', '.join(takers) or 'none that is installed'}."
        )
    for name in sorted(component.needs - given):
        yield (
            f"{node.block}.kind: {component.kind} needs {name}, which the pipeline doesn't hand to {node.name}. "
            f"Hand it over in the pipeline ({name}=...), or choose another kind."
        )
    yield from _variadic_faults(call)


def _variadic_faults(call: Call) -> Iterator[str]:
    """Where a pipeline hands over by any name what the chosen kind doesn't take."""
    component, block = call.component, call.node.block
    for name, edge in call.node.inputs.items():
        if name not in call.node.declaration.arguments and not _takes(component, edge.makes):
            what = type_name(edge.makes)
            takers = [kind for kind, other in _components(component.block) if _takes(other, edge.makes)]
            yield (
                f"{block}.kind: {component.kind} takes no {what}, which the pipeline hands to {call.node.name} as "
                f"{name}. Leave it out of the pipeline, or choose a kind that takes it: "
                f"{', '.join(takers) or 'none that is installed'}."
            )


def _takes(component: Component, artifact: Any) -> bool:
    """Whether a component takes an artifact of this type by any name, of one seed or of all."""
    return any(artifact in (one, *get_args(one)) for one in component.others)


def _next_state_faults(plan: Plan) -> Iterator[str]:
    """Where a stage learns from next states of demonstrations that an earlier one has changed."""
    for call in plan.calls:
        edges = call.node.inputs.items() if call.spec.needs_next_states else ()
        for name, edge in edges:
            for breaker in _breakers(plan, edge.node) if edge.makes is Demonstrations else ():
                at = f"{breaker.node.block}.kind {breaker.component.kind}"
                yield (
                    f"{call.node.block}.{call.component.kind}.{name}: must hold what each action led to, which {at} "
                    f"changes. Hand over the demonstrations before {breaker.node.name}, or set "
                    f"{breaker.node.block}.kind to none."
                )


def _breakers(plan: Plan, node: Node) -> Iterator[Call]:
    """The stages along the way to demonstrations whose next states aren't what actions led to."""
    call = plan.call(node.name)
    if call.spec.breaks_next_states:
        yield call
    for edge in node.inputs.values():
        if edge.makes is Demonstrations:
            yield from _breakers(plan, edge.node)


def _path_faults(plan: Plan) -> Iterator[str]:
    """Where a stage would read what the pipeline writes as if it came from elsewhere, without depending on it."""
    written = {PurePath(ARTIFACTS, edge.name): edge for node in plan.graph.nodes.values() for edge in node.edges}
    for call in plan.calls:
        for name, value in call.spec:
            for path in (value, *value.parents) if isinstance(value, PurePath) else ():
                if path in written:
                    yield (
                        f"{call.node.block}.{call.component.kind}.{name}: must be nothing that the pipeline writes, "
                        f"got {value}. Hand over what {written[path].node.name} makes in the pipeline."
                    )


def _components(block: str) -> Iterator[tuple[str, Component]]:
    """The kinds of a block that can be imported."""
    for kind in installed().get(block, {}):
        try:
            yield kind, find(block, kind)
        except Exception:  # a broken plug-in is no choice
            continue
