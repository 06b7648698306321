"""Tracing pipelines: a plain function of plain calls, run once on placeholders to get its graph."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args, get_origin

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.declaration import Declaration, recorder, type_name
from ilkit.errors import IlkitError, WiringError, nearest
from ilkit.registry.find import declarations
from ilkit.wiring.mistakes import check_name, explained, remedy, unbound


@dataclass(frozen=True)
class Block:
    """A block of `params.yaml`, not yet read; `params.policy(network=params.gru)` says which blocks its parts are."""

    name: str
    chosen: tuple[tuple[str, "Block"], ...] = ()

    def __call__(self, **parts: "Block") -> "Block":
        """The same block, whose parts of these names are these blocks instead of those of the same names."""
        return Block(self.name, tuple(parts.items()))

    def parts(self, group: str) -> Mapping[str, "Block"]:
        """The blocks of the parts that a part of this group is built of.

        **Raises:** `WiringError` where one is named that it doesn't have.
        """
        names, chosen = declarations()[group].parts, dict(self.chosen)
        for name, block in chosen.items():
            if name not in names or not isinstance(block, Block):
                listed = ", ".join(f"{one}=params.BLOCK" for one in names) or "none"
                raise WiringError(f"params.{self.name} takes as parts of a {group} {listed}; got {name}={block!r}.")
        return {name: chosen.get(name, Block(name)) for name in names}


class Params:
    """Stands for `params.yaml` while a pipeline is traced: every attribute is a block."""

    def __getattr__(self, name: str) -> Block:
        if name.startswith("__"):
            raise AttributeError(name)
        return Block(name)


@dataclass(frozen=True)
class Edge:
    """An artifact that a stage makes: the only one, or the field of this name of several."""

    node: "Node"
    field: str | None = None

    @property
    def name(self) -> str:
        """The name of the artifact, and of its folder: `imitate`, or `interact/policy`."""
        return self.node.name if self.field is None else f"{self.node.name}/{self.field}"

    @property
    def makes(self) -> Any:
        """The type of the artifact."""
        return self.node.declaration.artifacts[self.field]


@dataclass(frozen=True)
class Node:
    """One call of a stage."""

    name: str
    declaration: Declaration[Any, Any]
    block: str
    parts: Mapping[str, Block]
    """The block of each part, by the name of the argument."""
    inputs: Mapping[str, Edge]
    """The artifacts that go in, by the name of the argument."""

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The artifacts that come out."""
        return tuple(Edge(self, name) for name in self.declaration.artifacts)


@dataclass
class Graph:
    """The nodes of a pipeline in the order of their calls."""

    nodes: dict[str, Node] = field(default_factory=dict)
    output: str | tuple[str, ...] = ""
    """The name of the artifact that the pipeline returns, or the names of several."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the artifacts that the pipeline returns."""
        return (self.output,) if isinstance(self.output, str) else self.output

    def groups(self) -> dict[str, str]:
        """The group of every block that is used, through all parts of parts."""
        found: dict[str, str] = {}
        for node in self.nodes.values():
            for block, group in [(node.block, node.declaration.name), *part_blocks(node)]:
                if found.setdefault(block, group) != group:
                    raise WiringError(
                        f"The block {block!r} must serve one group, got {found[block]} and {group}. Give one of them "
                        "a block of its own; or is a part missing before it, such as the format of stages.dataset?"
                    )
        return found


def upstream(node: Node) -> Iterator[Node]:
    """All nodes that a node depends on; some of them several times."""
    for edge in node.inputs.values():
        yield from upstream(edge.node)
        yield edge.node


def part_blocks(node: Node) -> Iterator[tuple[str, str]]:
    """The blocks and groups of all parts that a node uses, each part before its own parts."""
    for group, block in node.parts.items():
        yield from _nested(block, group)


def _nested(block: Block, group: str) -> Iterator[tuple[str, str]]:
    yield block.name, group
    for inner_group, inner in block.parts(group).items():
        yield from _nested(inner, inner_group)


def trace(function: Callable[[Any], Any]) -> Graph:
    """Runs a pipeline's function on placeholders.

    **Raises:** `WiringError`, which names stage, argument, expected and given type.
    """
    graph = Graph()
    token = recorder.set(partial(_record, graph))
    try:
        output = function(Params())
    except IlkitError:
        raise
    except Exception as error:
        fields, name = getattr(getattr(error, "obj", None), "_fields", None), getattr(error, "name", None)
        if fields is None or name is None:
            raise explained(error, function) from error
        made = type(getattr(error, "obj", None)).__name__
        raise WiringError(f"{made} has no {name!r}, only its artifacts. {nearest(name, fields)}") from error
    finally:
        recorder.reset(token)
    returned = output if isinstance(output, tuple) and output else (output,)
    for one in returned:
        if not isinstance(one, Edge):
            raise WiringError(
                f"A pipeline must return what its last stage makes, or a tuple of such, got {_describe(one)}. End it "
                "with return and the call of a stage."
            )
    graph.output = tuple(one.name for one in returned) if isinstance(output, tuple) else output.name
    graph.groups()
    return graph


def _record(graph: Graph, declaration: Declaration[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = kwargs.pop("name", None)
    bound = _bind(declaration, args, kwargs)
    spec = bound.pop(next(iter(bound)))
    if not isinstance(spec, Block):
        raise WiringError(
            f"{declaration.name}: the first argument must be a block of params, got {_describe(spec)}. Write "
            f"stages.{declaration.name}(params.NAME, ...)."
        )
    name = name or spec.name
    check_name(name, graph.nodes)
    parts: dict[str, Block] = {}
    inputs: dict[str, Edge] = {}
    for argument, given in bound.items():
        _check(name, argument, declaration, given)
        if isinstance(given, Block):
            parts[argument] = given
        else:
            inputs[argument] = given
    graph.nodes[name] = node = Node(name, declaration, spec.name, parts, inputs)
    return declaration.makes(*node.edges) if declaration.makes_several else node.edges[0]


def _bind(declaration: Declaration[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    parameters = [one for one in declaration.signature.parameters.values() if one.name != "key"]
    keyless = declaration.signature.replace(parameters=parameters)
    try:
        bound = keyless.bind(*args, **kwargs).arguments
    except TypeError as error:
        raise unbound(declaration, error, kwargs) from error
    flat: dict[str, Any] = {}
    for name, value in bound.items():
        variadic = keyless.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
        flat |= value if variadic else {name: value}
    return flat


def _check(stage: str, argument: str, declaration: Declaration[Any, Any], given: Any) -> None:
    expected = declaration.types_of(argument)
    if get_origin(expected[0]) is Build:
        fits = isinstance(given, Block)
        wanted = f"a block of params (params.{argument})"
    else:
        inner = [get_args(one)[0] if get_origin(one) is Seeds else one for one in expected]
        fits = isinstance(given, Edge) and given.makes in inner
        wanted = " or ".join(map(type_name, inner))
    if not fits:
        where = remedy(declaration, given.makes) if isinstance(given, Edge) else ""
        where = " Unpack it: **NAME." if isinstance(given, dict) else where
        raise WiringError(f"{stage}: {argument} must be {wanted}, got {_describe(given)}.{where}")


def _describe(given: Any) -> str:
    if isinstance(given, Edge):
        return f"{type_name(given.makes)} (made by {given.name})"
    if isinstance(given, tuple) and given and all(isinstance(one, Edge) for one in given):
        return f"all that {given[0].node.name} makes (choose one of {', '.join(str(one.field) for one in given)})"
    return f"the block params.{given.name}" if isinstance(given, Block) else type(given).__name__
