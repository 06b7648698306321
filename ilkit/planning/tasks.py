"""What stages of several tasks would refuse or mistake, as far as the pipeline and `params.yaml` tell it."""

from collections.abc import Iterator
from typing import Any

from ilkit.data.build import Build
from ilkit.data.policy import Policy
from ilkit.errors import nearest
from ilkit.planning.plan import Call, Plan
from ilkit.wiring.tracing import Block, Node, upstream

_TELLING = ("one_hot", "settings")
"""The kinds of `join` that tell tasks apart."""


def task_faults(plan: Plan) -> Iterator[str]:
    """Where settings aren't those of a task's environment, a task is fixed that nobody trains, or none is at all."""
    for call in plan.calls:
        yield from _open_faults(plan, call)
        if call.node.declaration.name == "join":
            yield from _setting_faults(plan, call)
            yield from _name_faults(plan, call)
        elif call.node.declaration.name == "condition":
            yield from _recording_faults(call)


def _setting_faults(plan: Plan, call: Call) -> Iterator[str]:
    for name, numbers in getattr(call.spec, "tasks", ()):
        edge = call.node.inputs.get(name)
        block = None if edge is None else _environment_of(edge.node)
        if block is None:
            continue
        env = plan.build(block, "env")
        own = dict(env.spec)
        for setting, number in numbers:
            if isinstance(own.get(setting), int | float) and float(own[setting]) != float(number):
                yield (
                    f"{call.node.block}.{call.component.kind}.tasks: {setting} of {name} must be what it was recorded "
                    f"with, {own[setting]:g} ({block.name}.{env.kind}.{setting}), got {number:g}."
                )


def _name_faults(plan: Plan, call: Call) -> Iterator[str]:
    """A setting that no environment has, where numbers alone tell the environments of all recordings apart."""
    tasks = dict(getattr(call.spec, "tasks", ()))
    blocks = [_environment_of(edge.node) for edge in call.node.inputs.values()]
    own = [_settings_of(plan.build(block, "env")) for block in blocks if block is not None]
    known = {name for one in own for name, value in one.items() if _is_number(value)}
    differing = {name for one in own for name in one if any(other.get(name) != one[name] for other in own)}
    if len(own) < len(blocks) or not differing or not differing <= known:
        return
    for name in sorted({name for numbers in tasks.values() for name, _ in numbers} - known):
        yield (
            f"{call.node.block}.{call.component.kind}.tasks: must be settings of the environments, got "
            f"{name!r}, which none has. {nearest(name, known)}"
        )


def _settings_of(env: Build[Any]) -> dict[str, Any]:
    """The settings of an environment, and of the one that it is a wrapper around."""
    return {**({} if env.inner is None else _settings_of(env.inner)), **dict(env.spec)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _recording_faults(call: Call) -> Iterator[str]:
    recording = getattr(call.spec, "recording", None)
    joined = [node for node in upstream(call.node) if node.declaration.name == "join"]
    known = {name for node in joined for name in node.inputs}
    if joined and recording is not None and recording not in known:
        yield (
            f"{call.node.block}.{call.component.kind}.recording: must be one that the policy is trained on, got "
            f"{recording!r}. {nearest(recording, known)}"
        )


def _open_faults(plan: Plan, call: Call) -> Iterator[str]:
    """Where an environment, which knows one task, is handed a policy that wants to be told its task."""
    for argument, edge in call.node.inputs.items() if "env" in call.node.parts else ():
        if edge.makes is Policy and _wants_task(plan, edge.node):
            yield (
                f"{argument}: must know its task where {call.node.name} hands it an environment, and is told it by "
                "what join puts together. Hand over what stages.condition makes of it."
            )


def _wants_task(plan: Plan, node: Node) -> bool:
    if node.declaration.name == "join":
        return plan.call(node.name).component.kind in _TELLING
    return node.declaration.name != "condition" and any(_wants_task(plan, edge.node) for edge in node.inputs.values())


def _environment_of(node: Node) -> Block | None:
    """The block of the environment that a recording is of."""
    return next((one.parts["env"] for one in (node, *upstream(node)) if "env" in one.parts), None)
