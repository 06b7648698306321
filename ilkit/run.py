"""Running the stages of a pipeline: in memory, or one at a time with files, as DVC does."""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from ilkit import loop
from ilkit.artifact import load, save
from ilkit.backend import fix_backend
from ilkit.data.build import Build
from ilkit.data.demonstrations import Demonstrations
from ilkit.data.environment import HostEnvironment
from ilkit.data.policy import Policy
from ilkit.data.seeds import Seeds
from ilkit.data.training import Training
from ilkit.digest import content_digest
from ilkit.errors import DataError, ParamsError, WiringError, nearest
from ilkit.observe import Observer, observed_stage
from ilkit.params import RawParams, faults, fold, instruction_set, kind_of, read_params, setting
from ilkit.project import ARTIFACTS
from ilkit.registry import Component, find
from ilkit.tracing import Graph, Node, direct_parts, required

Drive = Callable[[Training[Any], loop.Keys, int], Seeds[Any]]


@dataclass(frozen=True)
class Call:
    """A node of the graph with the components and specs that `params.yaml` chooses for it."""

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
    def num_seeds(self) -> int:
        """The number of training runs."""
        return int(getattr(self.spec, "num_seeds", 1))

    @property
    def key(self) -> PRNGKeyArray:
        """The random key of the stage: fold_in(seed, crc32(name))."""
        return jax.random.fold_in(jax.random.key(self.seed), zlib.crc32(self.node.name.encode()))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the component's function."""
        return self.component.function(self.spec, *args, **self.parts, **kwargs)


def resolve(node: Node, raw: RawParams) -> Call:
    """Chooses the components and specs of a node."""
    group = node.declaration.name
    component = find(group, kind_of(raw, node.block), at=node.block)
    parts = {name: build(raw, block, name) for name, block in node.parts.items()}
    return Call(node, component, fold(raw, node.block, group), parts, setting(raw, "seed"))


def build(raw: RawParams, block: str, group: str) -> Build[Any]:
    """Chooses a part, with the parts inside it."""
    component = find(group, kind_of(raw, block), at=block)
    inner = tuple(build(raw, name, name) for name in direct_parts(group))
    return Build(group, component.kind, component.function, fold(raw, block, group), inner)


def execute(call: Call, inputs: Mapping[str, Any], drive: Drive) -> Any:
    """Runs one stage on its inputs; `drive` takes a training run from its start to its end."""
    shared, per_seed = _split_inputs(call, inputs)
    if not call.learns:
        made: Any = call(
            **shared, **{name: _only_seed(call, name, given) for name, given in per_seed.items()}, key=call.key
        )
        if isinstance(made, Demonstrations):
            made.check()
        return Seeds(jax.tree.map(_with_seed_axis, made), {}, 1) if isinstance(made, Policy) else made
    stacked = {name: _stacked(call, name, given) for name, given in per_seed.items()}

    def make(per_seed: dict[str, Any], *, key: PRNGKeyArray) -> Training[Any]:
        training: Training[Any] = call(**shared, **per_seed, key=key)
        return training

    training, step_key = loop.prepare(make, (stacked,), key=call.key, num_seeds=call.num_seeds)
    return drive(training, step_key, call.num_seeds)


def seed_faults(graph: Graph, raw: RawParams) -> list[str]:
    """Where a stage that learns continues another one with a different number of training seeds."""
    calls = {name: resolve(node, raw) for name, node in graph.nodes.items()}
    found = []
    for call in calls.values():
        hints = get_type_hints(call.node.declaration.function)
        for name, origin in call.node.inputs.items():
            made = calls[origin.name]
            if call.learns and made.learns and get_origin(required(hints.get(name))) is not Seeds:
                found += _seed_fault(call, name, made.num_seeds)
    return found


def environment_faults(graph: Graph, raw: RawParams) -> list[str]:
    """Where an environment on the host can't be made: what it is called and takes, only its library knows."""
    found = []
    for block, group in graph.groups().items():
        if group != "env" or find(group, kind_of(raw, block)).returns is not HostEnvironment:
            continue
        try:
            build(raw, block, group)()
        except DataError as error:
            found.append(f"{block}.{kind_of(raw, block)}: {error}")
    return found


def run_in_memory(graph: Graph, raw: RawParams) -> dict[str, Any]:
    """Runs all stages without files and returns every stage's artifact by name."""
    found = faults(raw, graph.groups()) or seed_faults(graph, raw)
    if found:
        raise ParamsError("\n".join(found))
    fix_backend(setting(raw, "num_threads"), instruction_set(raw))
    made: dict[str, Any] = {}
    for name, node in graph.nodes.items():
        inputs = {argument: made[origin.name] for argument, origin in node.inputs.items()}
        made[name] = execute(resolve(node, raw), inputs, partial(_drive, setting(raw, "num_threads")))
    return made


def run_stage(graph: Graph, name: str, folder: Path) -> None:
    """Runs one stage with files: reads its inputs, drives it, writes its artifact.

    **Raises:** `WiringError` for an unknown stage, and whatever the stage raises; no half-written artifact is left.
    """
    if name not in graph.nodes:
        raise WiringError(f"The pipeline has no stage {name!r}. {nearest(name, graph.nodes)}")
    node, raw = graph.nodes[name], read_params(folder / "params.yaml")
    call = resolve(node, raw)
    sources = {argument: folder / ARTIFACTS / made.name for argument, made in node.inputs.items()}
    with observed_stage(name, call.component.kind, folder) as observer:
        inputs = {argument: load(path) for argument, path in sources.items()}
        checkpoints = folder / ".ilkit" / "checkpoints" / f"{name}-{_identity(call, sources, raw, folder)}"
        made = execute(call, inputs, _observed_drive(observer, checkpoints, setting(raw, "num_threads")))
        save(made, folder / ARTIFACTS / name)
        observer.made(made)


def _split_inputs(call: Call, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Seeds[Any]]]:
    hints = get_type_hints(call.node.declaration.function)
    per_seed = {
        name: given
        for name, given in inputs.items()
        if isinstance(given, Seeds) and name in hints and get_origin(required(hints[name])) is not Seeds
    }
    return {name: given for name, given in inputs.items() if name not in per_seed}, per_seed


def _only_seed(call: Call, name: str, given: Seeds[Any]) -> Any:
    if len(given) != 1:
        raise DataError(
            f"{call.node.name}: {name} must have one training seed, got {len(given)}. Set its num_seeds to 1, "
            "or declare the stage's argument as Seeds."
        )
    return given[0]


def _stacked(call: Call, name: str, given: Seeds[Any]) -> PyTree:
    count = call.num_seeds
    for fault in _seed_fault(call, name, len(given)):
        raise ParamsError(fault)
    return jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape[1:])) if eqx.is_array(leaf) else leaf, given.stacked
    )


def _seed_fault(call: Call, name: str, given: int) -> list[str]:
    if given in (1, call.num_seeds):
        return []
    return [
        f"{call.node.block}.{call.component.kind}.num_seeds: must be that of {name} ({given}), "
        f"got {call.num_seeds}. Seed i continues seed i; only a single one is shared by all."
    ]


def _with_seed_axis(leaf: Any) -> Any:
    return leaf[None] if eqx.is_array(leaf) else leaf


def _drive(num_threads: int, training: Training[Any], key: loop.Keys, num_seeds: int) -> Seeds[Any]:
    progress = loop.start(training, num_seeds)
    for last in loop.advance(training, progress, key=key, num_seeds=num_seeds, num_threads=num_threads):
        progress = last
    return loop.finish(training, progress, num_seeds)


def _observed_drive(observer: Observer, checkpoints: Path, num_threads: int) -> Drive:
    def drive(training: Training[Any], key: loop.Keys, num_seeds: int) -> Seeds[Any]:
        return observer.drive(training, key, num_seeds, num_threads, checkpoints)

    return drive


def _described(part: Build[Any]) -> list[Any]:
    return [part.kind, part.spec.model_dump_json(), [_described(inner) for inner in part.parts]]


def _identity(call: Call, sources: Mapping[str, Path], raw: RawParams, folder: Path) -> str:
    described = {
        "spec": call.spec.model_dump_json(),
        "parts": {name: _described(part) for name, part in call.parts.items()},
        "inputs": {name: content_digest(path) for name, path in sources.items()},
        "code": content_digest(folder / "components.json"),
        "seed": call.seed,
        "num_threads": setting(raw, "num_threads"),
        "instruction_set": instruction_set(raw),
        "jax": jax.__version__,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
