"""The plan of a run: a pipeline's graph with every call and every part that `params.yaml` chooses, read once."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_origin

import jax
from jaxtyping import PRNGKeyArray

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.data.training import Training
from ilkit.registry.find import Component, find
from ilkit.registry.params import fold, inner_kind, kind_of
from ilkit.registry.settings import RawParams, instruction_set, setting
from ilkit.spec import Spec
from ilkit.wiring.tracing import Block, Graph, Node


@dataclass(frozen=True)
class Call:
    """A node of the graph with the component, the spec and the parts that `params.yaml` chooses for it."""

    node: Node
    component: Component
    spec: Any
    parts: Mapping[str, Build[Any]]
    seed: int

    @property
    def learns(self) -> bool:
        """Whether the stage is a training run."""
        return get_origin(self.component.returns) is Training

    @property
    def keeps_seeds(self) -> bool:
        """Whether the stage makes something of every training seed that it is given."""
        return get_origin(self.component.returns) is Seeds

    @property
    def num_seeds(self) -> int:
        """The number of training runs."""
        return int(getattr(self.spec, "num_seeds", 1))

    @property
    def num_snapshots(self) -> int:
        """How many of what is learnt are kept before the end."""
        return int(getattr(self.spec, "num_snapshots", 0))

    @property
    def key(self) -> PRNGKeyArray:
        """The random key of the stage: fold_in(seed, crc32(name))."""
        return jax.random.fold_in(jax.random.key(self.seed), zlib.crc32(self.node.name.encode()))

    def __call__(self, **inputs: Any) -> Any:
        """Calls the component's function on artifacts, with the key of the stage where it draws."""
        key = {"key": self.key} if self.node.declaration.takes_key else {}
        return self.make(**inputs, **key)

    def make(self, **inputs: Any) -> Any:
        """Calls the component's function on artifacts and a key of the caller's."""
        return self.component.function(self.spec, **self.parts, **inputs)


@dataclass(frozen=True)
class Plan:
    """A graph and what is chosen for it: calls and parts are read when they are first asked for, each once.

    A stage therefore runs without the components of the others.
    """

    graph: Graph
    raw: RawParams
    _calls: dict[str, Call] = field(default_factory=dict)
    _builds: dict[tuple[Block, str, str | None], Build[Any]] = field(default_factory=dict)

    @cached_property
    def seed(self) -> int:
        """The random seed."""
        return setting(self.raw, "seed")

    @cached_property
    def num_threads(self) -> int:
        """The number of threads."""
        return setting(self.raw, "num_threads")

    @cached_property
    def instruction_set(self) -> str:
        """The instructions that the processor may use."""
        return instruction_set(self.raw)

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """The group of every block that is used."""
        return self.graph.groups()

    def specs(self) -> Iterator[tuple[str, Spec]]:
        """Every block that is used, with the spec of its chosen kind, and then of the kind that this one wraps."""
        for block, group in self.groups.items():
            spec = fold(self.raw, block, group)
            yield block, spec
            if inner := inner_kind(self.raw, block, group, spec):
                yield block, fold(self.raw, block, group, inner)

    @property
    def calls(self) -> Iterator[Call]:
        """The calls of all stages, in their order."""
        return (self.call(name) for name in self.graph.nodes)

    def call(self, name: str) -> Call:
        """The call of a stage."""
        if name not in self._calls:
            node = self.graph.nodes[name]
            group = node.declaration.name
            component = self.component(node.block, group)
            parts = {argument: self.build(block, argument) for argument, block in node.parts.items()}
            self._calls[name] = Call(node, component, fold(self.raw, node.block, group), parts, self.seed)
        return self._calls[name]

    def build(self, block: Block, group: str, kind: str | None = None) -> Build[Any]:
        """A part that is chosen, or of this kind, with the parts inside of it and what it is a wrapper around."""
        if (block, group, kind) not in self._builds:
            spec = fold(self.raw, block.name, group, kind)
            component = self.component(block.name, group) if kind is None else find(group, kind)
            parts = tuple(self.build(inside, name) for name, inside in block.parts(group).items())
            wrapped = inner_kind(self.raw, block.name, group, spec)
            inner = None if wrapped is None else self.build(block, group, wrapped)
            self._builds[block, group, kind] = component.build(spec, parts, inner)
        return self._builds[block, group, kind]

    def component(self, block: str, group: str) -> Component:
        """The component that a block chooses."""
        return find(group, kind_of(self.raw, block), at=f"{block}.kind")
