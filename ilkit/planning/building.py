"""What stages would refuse by kinds, spaces and sizes: parts and experts are built before anything runs."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

import equinox as eqx
import jax

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, RecordedEnvironment
from ilkit.data.policy import Policy
from ilkit.data.spaces import Spaces, difference, same_spaces
from ilkit.errors import IlkitError
from ilkit.nn.unclocked_policy import unclocked
from ilkit.planning.plan import Call, Plan
from ilkit.planning.reach import reach_told
from ilkit.planning.recordings import recording_faults
from ilkit.planning.rewards import reward_faults
from ilkit.registry.find import declarations
from ilkit.wiring.tracing import Block, Node, upstream

_STEPPING = ("rollout", "interact", "match", "align_online", "finetune")
"""The stages that act in their environment, whatever their kind."""


def building_faults(plan: Plan) -> Iterator[str]:
    """Where an environment, a head for its spaces, or an expert for it can't be made, or is larger than the memory."""
    worlds: dict[str, Any] = {}
    for block, group in plan.groups.items():
        if group == "env":
            try:
                worlds[block] = plan.build(Block(block), group)()
            except IlkitError as error:
                yield f"{block}.{plan.build(Block(block), group).kind}: {error}"
    checked = ((call, worlds.get(_environment_of(call.node) or "")) for call in plan.calls)
    found = (fault for call, world in checked if world is not None for fault in _all_faults(plan, call, world))
    yield from dict.fromkeys(chain(found, recording_faults(plan, worlds), reach_told(plan, none_reached=True)))


def _all_faults(plan: Plan, call: Call, world: Any) -> Iterator[str]:
    if not isinstance(world, RecordedEnvironment):
        yield from _faults(plan, call, world)
        yield from _handed_faults(plan, call, world)
        yield from _demonstration_faults(plan, call, world)
        if "env" in call.node.parts:
            yield from reward_faults(plan, call, world)
    elif call.node.declaration.name in _STEPPING and "env" in call.node.parts:
        block = call.node.parts["env"].name
        yield (
            f"{block}.kind: must be one that can be stepped in where a stage acts in it, got recorded. Choose another "
            "env.kind, or leave out rollout, interact, match and finetune."
        )
    elif call.node.declaration.makes is Demonstrations and not call.node.inputs:  # else spaces may be the recording's
        try:
            _ = world.spaces
        except IlkitError as error:
            yield f"{call.node.block}.{call.component.kind}: {error}"


def _faults(plan: Plan, call: Call, world: Any) -> Iterator[str]:
    at = f"{call.node.block}.{call.component.kind}"
    own = [f"{at}.{fault}" for fault in call.spec.faults(world)]
    own = own or list(_memory_faults(at, call.spec.bytes_needed(world), "Choose fewer episodes or steps."))
    yield from own
    if not (own or call.learns or call.node.inputs) and call.node.declaration.makes is Policy:
        try:
            _shapes(call.make)
        except jax.errors.JAXTypeError:  # it computes with NumPy: only doing so tells
            yield from _explained(at, call)
        except IlkitError as error:
            yield f"{at}: {error}"
    for argument, block in call.node.parts.items():
        yield from _settings_faults(plan, block, argument, world)
        if _takes_spaces_alone(argument):
            yield from _part_faults(plan, block, argument, world.spaces, call.num_seeds)
    yield from (f"{at}.{fault}" for fault in _policy_faults(plan, call, world.spaces))


def _handed_faults(plan: Plan, call: Call, world: Any) -> Iterator[str]:
    """Where a stage that acts is handed a policy, an expert or a clone, of an environment with other spaces."""
    own = call.node.parts.get("env")
    if own is None or call.node.declaration.name not in (*_STEPPING, "evaluate"):
        return
    for argument, edge in call.node.inputs.items():
        keeps = edge.makes is Policy and not _changes_spaces(call, edge.node)
        for other in _environments_of(edge.node) if keeps else ():
            with suppress(IlkitError):
                there = plan.build(Block(other), "env")()
                if not isinstance(there, RecordedEnvironment) and not _acts_in(world.spaces, there.spaces):
                    yield (
                        f"{argument}: must be of {own.name}, whose {difference(world.spaces, there.spaces)} from "
                        f"{other}. Hand over one that was learnt in {own.name}."
                    )


def _changes_spaces(call: Call, node: Node) -> bool:
    """Whether what a policy was learnt with may have other spaces than the environment before it."""
    changing = {"condition"} if call.node.declaration.name in _STEPPING else {"condition", "join", "augment"}
    return bool(changing & {one.declaration.name for one in (node, *upstream(node))})


def _acts_in(spaces: Spaces, learnt: Spaces) -> bool:
    """Whether a policy acts in these spaces; who isn't shown how many steps are left does where that is observed."""
    return same_spaces(spaces, learnt) or same_spaces(unclocked(spaces), learnt)


def _demonstration_faults(plan: Plan, call: Call, world: Any) -> Iterator[str]:
    """Where a stage that acts is handed demonstrations of an environment with other spaces or another time step."""
    own = call.node.parts.get("env")
    if own is None or call.node.declaration.name not in _STEPPING:
        return
    for argument, edge in call.node.inputs.items():
        for other in _environments_of(edge.node) if edge.makes is Demonstrations else ():
            with suppress(IlkitError):
                there = plan.build(Block(other), "env")()
                differing = difference(world.spaces, there.spaces) or _other_timestep(world, there)
                if differing:
                    yield (
                        f"{argument}: must be of {own.name}, whose {differing} from {other}. Hand over those of "
                        f"{own.name}."
                    )


def _other_timestep(world: Any, there: Any) -> str | None:
    if not (isinstance(world, Environment) and isinstance(there, Environment)):
        return None
    ours, theirs = float(world.timestep), float(there.timestep)
    return None if ours == theirs else f"time step is {ours:g}, got {theirs:g}"


def _settings_faults(plan: Plan, block: Block, group: str, world: Any) -> Iterator[str]:
    """What the settings of a part, and of those in it, break in an environment."""
    part = plan.build(block, group)
    for one in (part, part.inner):
        if one is not None:
            yield from (f"{block.name}.{one.kind}.{fault}" for fault in one.spec.faults(world))
    for name, inside in block.parts(group).items():
        yield from _settings_faults(plan, inside, name, world)


def _part_faults(plan: Plan, block: Block, group: str, spaces: Spaces, count: int) -> Iterator[str]:
    part = plan.build(block, group)
    try:
        shapes = _shapes(partial(part, spaces))
    except IlkitError as error:
        yield f"{block.name}.{part.kind}: {error}"
        return
    leaves = [leaf for leaf in jax.tree.leaves(shapes) if hasattr(leaf, "dtype")]
    needed = count * sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)
    yield from _memory_faults(f"{block.name}.{part.kind}", needed, "Choose a smaller network, or fewer seeds.")


def _memory_faults(at: str, needed: int, remedy: str) -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        sizes = f"{memory / 1e9:,.0f} GB, and needs {needed / 1e9:,.0f} GB"
        yield f"{at}: must fit into the memory of this machine, {sizes}. {remedy}"


def _policy_faults(plan: Plan, call: Call, spaces: Spaces) -> Iterator[str]:
    """What a stage refuses of the policy that it trains: the one that it builds, or that one before it has built."""
    block = _policy_of(call.node)
    if block is None:
        return
    try:
        policy = _shapes(partial(plan.build(block, "policy"), spaces))
    except IlkitError:
        return  # said of the stage that builds it
    yield from call.spec.policy_faults(policy, call.parts)


def _policy_of(node: Node) -> Block | None:
    """The block of the policy that a stage builds or, if it builds none, of the policy that it is handed."""
    if "policy" in node.parts:
        return node.parts["policy"]
    handed = (edge.node for edge in node.inputs.values() if edge.makes is Policy and edge.field is None)
    return next((block for block in map(_policy_of, handed) if block is not None), None)


def _explained(at: str, call: Call) -> Iterator[str]:
    try:
        call()
    except IlkitError as error:
        yield f"{at}: {error}"


def _shapes(make: Callable[..., Any]) -> Any:
    """What is made with some key, as shapes: nothing is compiled or computed."""
    return eqx.filter_eval_shape(lambda seed: make(key=jax.random.key(seed)), jax.ShapeDtypeStruct((), "uint32"))


def _takes_spaces_alone(group: str) -> bool:
    declaration = declarations()[group]
    built = {*declaration.parts, declaration.wrapped}
    return [hint for name, hint in declaration.arguments.items() if name not in built] == [Spaces]


def _environment_of(node: Node) -> str | None:
    """The block of the environment that a stage, or one before it, is handed."""
    return next(_environments_of(node), None)


def _environments_of(node: Node) -> Iterator[str]:
    """The blocks of all environments that a stage is handed or, without one, those before it."""
    if "env" in node.parts:
        yield node.parts["env"].name
        return
    for edge in node.inputs.values():
        yield from _environments_of(edge.node)
