"""What stages would refuse of the recordings that they are handed, as far as the stages that make these tell it."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import jax
import numpy as np

from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import Environment, RecordedEnvironment
from ilkit.data.preferences import Preferences
from ilkit.data.spaces import Spaces, difference
from ilkit.errors import IlkitError
from ilkit.planning.plan import Call, Plan
from ilkit.wiring.tracing import Node

_NUM_STARTS = 256
"""So many starts, all of them different, are taken for starts that are never alike."""

_FEW_STARTS = 8
"""Of tries at so many starts, any two that are drawn start apart by far more often than not."""

Worlds = Mapping[str, Any]
"""The environments that could be made, by their blocks."""


def recording_faults(plan: Plan, worlds: Worlds) -> Iterator[str]:
    """Where recordings are too short, of other spaces, or start otherwise than a stage needs it."""
    for call in plan.calls:
        at = f"{call.node.block}.{call.component.kind}"
        for argument, edge in call.node.inputs.items():
            if edge.makes is Demonstrations and argument in call.node.declaration.arguments:
                longest, spaces = _longest(plan, edge.node, worlds), _spaces_of(edge.node, worlds)
                found = [] if longest is None else [*call.spec.length_faults(longest)]
                found += [] if spaces is None else [f"{argument}: {one}" for one in call.spec.recording_faults(spaces)]
                yield from (f"{at}.{fault}" for fault in found)
        if call.spec.needs_shared_starts:
            yield from _start_faults(plan, call, worlds)
        if call.node.declaration.name == "join":
            yield from _join_faults(call.node, worlds)


def _sources(node: Node) -> Iterator[Node]:
    """The stages that recorded what a stage hands on, through all that is told, changed or asked of it."""
    before = _before(node)
    if not before:
        yield node
    yield from chain.from_iterable(map(_sources, before))


def _before(node: Node) -> list[Node]:
    """The stages whose episodes or clips a stage is handed."""
    return [edge.node for edge in node.inputs.values() if edge.makes in (Demonstrations, Preferences)]


def _longest(plan: Plan, node: Node, worlds: Worlds) -> int | None:
    """The most steps of an episode that a stage hands on; None where nobody knows before."""
    found = []
    for source in _sources(node):
        world = worlds.get(source.parts["env"].name) if "env" in source.parts else None
        longest = None if world is None or not world.max_steps else plan.call(source.name).spec.longest_episode(world)
        if longest is None:
            return None
        found.append(longest)
    return max(found)


def _spaces_of(node: Node, worlds: Worlds) -> Spaces | None:
    """The spaces of what a stage records in its environment; None where it is changed on the way, or nobody knows."""
    world = worlds.get(node.parts["env"].name) if "env" in node.parts else None
    if node.inputs.keys() - {"expert"} or world is None or isinstance(world, RecordedEnvironment):
        return None
    try:
        found: Spaces = world.spaces
    except IlkitError:
        return None
    return found


def _start_faults(plan: Plan, call: Call, worlds: Worlds) -> Iterator[str]:
    """Where clips that start alike are needed, and none of those that record them starts two episodes alike."""
    handed = _before(call.node)
    if handed and all(_starts_apart(plan, node, worlds) for node in handed):
        first = next(_sources(call.node))
        block, kind = first.block, plan.call(first.name).component.kind
        name = "same_start" if hasattr(call.spec, "same_start") else "allow_different_starts"
        otherwise = "false, for pairs of any clips" if name == "same_start" else "true"
        several = plan.call(first.name).spec.shares_starts
        why = "pairs are drawn of any two clips" if several else f"{block}.kind {kind} records one try at each start"
        how = "Ask with prefer.clips.same_start" if several else f"Record several: {block}.kind graded"
        yield (
            f"{call.node.block}.{call.component.kind}.{name}: needs clips that start in the same state, and {why}. "
            f"{how}, or set {name} to {otherwise}."
        )


def _starts_apart(plan: Plan, node: Node, worlds: Worlds, num_starts: int = 0) -> bool:
    """Whether no two episodes of a stage that records start alike, as far as it tells and drawing shows it.

    Where pairs are drawn of any two, it is enough that there are several tries at each of many starts, `num_starts`.
    """
    before, spec = _before(node), plan.call(node.name).spec
    asked = bool(before) and node.declaration.makes is Preferences
    few = num_starts < _FEW_STARTS or getattr(spec, "num_starts", 0) < _FEW_STARTS
    if not asked and spec.shares_starts is not False and few:
        return False
    if before:
        anywhere = _FEW_STARTS if asked and spec.shares_starts is False else num_starts
        return all(_starts_apart(plan, one, worlds, anywhere) for one in before)
    world = worlds.get(node.parts["env"].name) if "env" in node.parts else None
    if not isinstance(world, Environment):
        return False
    keys = jax.random.split(jax.random.key(0), _NUM_STARTS)
    seen = jax.vmap(lambda key: world.observe(world.reset(key=key)))(keys)
    rows = np.concatenate([np.asarray(leaf).reshape(_NUM_STARTS, -1) for leaf in jax.tree.leaves(seen)], axis=1)
    return len(np.unique(rows, axis=0)) == _NUM_STARTS


def _join_faults(node: Node, worlds: Worlds) -> Iterator[str]:
    """Recordings that are put together, and aren't of the same spaces."""
    known = {name: _spaces_of(edge.node, worlds) for name, edge in node.inputs.items()}
    spaces = {name: one for name, one in known.items() if one is not None}
    for other, theirs in [*spaces.items()][1:]:
        first, ours = next(iter(spaces.items()))
        if differing := difference(ours, theirs):
            blocks = [node.inputs[name].node.parts["env"].name for name in (first, other)]
            yield (
                f"{other}: must have the spaces of {first}, with which {node.name} puts it together, whose "
                f"{differing}. {other} is recorded in {blocks[1]}, {first} in {blocks[0]}: choose environments in "
                "which the same is observed and the same can be done, or leave one out of the pipeline."
            )
