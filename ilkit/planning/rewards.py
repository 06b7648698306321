"""What stages would refuse of the rewards that they are handed, as far as `params.yaml` tells it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ilkit.data.reward import Reward
from ilkit.errors import IlkitError
from ilkit.planning.plan import Call, Plan
from ilkit.wiring.tracing import Edge


def reward_faults(plan: Plan, call: Call, world: Any) -> Iterator[str]:
    """Where a stage that acts is handed a reward of other spaces, or one that no sum of steps would be finite with."""
    for argument, edge in call.node.inputs.items():
        if edge.makes is Reward and "env" in edge.node.parts:
            yield from _space_faults(plan, call, argument, edge, world)
            yield from _discount_faults(plan, call, edge)


def _space_faults(plan: Plan, call: Call, argument: str, edge: Edge, world: Any) -> Iterator[str]:
    own, other = call.node.parts["env"], edge.node.parts["env"]
    if own.name == other.name:
        return
    with suppress(IlkitError):
        here, there = world.spaces, plan.build(other, "env")().spaces
        if here.observation != there.observation:
            yield (
                f"{argument}: must be learnt where the same is observed, and {own.name} observes {here.observation}, "
                f"{other.name} {there.observation}. Learn it in an environment that observes the same."
            )
        elif here.action != there.action and "action" in getattr(plan.call(edge.node.name).spec, "inputs", "action"):
            block, learnt = edge.node.block, plan.call(edge.node.name)
            chosen = f"{block}.{learnt.component.kind}"
            remedy = f"set {chosen}.inputs to state" if hasattr(learnt.spec, "inputs") else f"set {block}.kind to airl"
            yield (
                f"{argument}: depends on the actions of {other.name}, and those of {own.name} are {here.action}. "
                f"Learn one of states alone: {remedy}."
            )


def _discount_faults(plan: Plan, call: Call, edge: Edge) -> Iterator[str]:
    learnt = plan.call(edge.node.name)
    if getattr(learnt.spec, "absorbing_states", False) and getattr(call.spec, "discount", 0.0) == 1.0:
        yield (
            f"{call.node.block}.{call.component.kind}.discount: must be below 1 where the reward was learnt with "
            f"absorbing states, got 1: what follows a termination would be worth an infinite sum. Lower it, or set "
            f"{edge.node.block}.{learnt.component.kind}.absorbing_states to false."
        )
