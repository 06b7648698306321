"""What is wrong with a plan, found before anything runs."""

from collections.abc import Iterator

from ilkit.registry.find import find, installed
from ilkit.registry.params import faults
from ilkit.running.plan import Call, Plan


def plan_faults(plan: Plan) -> list[str]:
    """Everything that is wrong with the settings of a plan, and with what it hands to its stages."""
    return faults(plan.raw, plan.groups) or [*_input_faults(plan), *_seed_faults(plan)]


def seed_fault(call: Call, name: str, given: int) -> list[str]:
    """What is wrong with so many seeds of an input that a stage continues."""
    if given in (1, call.num_seeds):
        return []
    return [
        f"{call.node.block}.{call.component.kind}.num_seeds: must be that of {name} ({given}), "
        f"got {call.num_seeds}. Seed i continues seed i; only a single one is shared by all."
    ]


def _seed_faults(plan: Plan) -> Iterator[str]:
    """Where a stage that learns continues another one with a different number of training seeds."""
    for call in plan.calls:
        for name, edge in call.node.inputs.items():
            made = plan.call(edge.node.name)
            if call.learns and made.learns and not call.node.declaration.takes_seeds(name):
                yield from seed_fault(call, name, made.num_seeds)


def _input_faults(plan: Plan) -> Iterator[str]:
    """Where a pipeline hands over what the chosen kind doesn't take, or leaves out what it needs."""
    for call in plan.calls:
        node, component = call.node, call.component
        given = {*node.inputs, *node.parts}
        for name in sorted(given & component.left_out):
            takers = ", ".join(_kinds_that_take(name, component.block)) or "none that is installed"
            yield (
                f"{node.block}.kind: {component.kind} takes no {name}, which the pipeline hands to {node.name}. "
                f"Leave it out of the pipeline, or choose a kind that takes it: {takers}."
            )
        for name in sorted(component.needs - given):
            yield (
                f"{node.block}.kind: {component.kind} needs {name}, which the pipeline doesn't hand to {node.name}. "
                f"Hand it over in the pipeline, or choose another kind."
            )


def _kinds_that_take(name: str, block: str) -> Iterator[str]:
    for kind in installed().get(block, {}):
        try:
            component = find(block, kind)
        except Exception:  # a broken plug-in is no choice
            continue
        if name not in component.left_out:
            yield kind
