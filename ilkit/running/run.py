"""Running the stages of a plan: in memory, or one at a time with files, as DVC does."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from ilkit.artifact.store import load, save
from ilkit.data.aggregate import Aggregate
from ilkit.data.build import Build
from ilkit.data.seeds import Learnt, Seeds
from ilkit.data.training import Training
from ilkit.declaration import type_name
from ilkit.errors import DataError, ParamsError, WiringError, nearest
from ilkit.planning.faults import input_faults, plan_faults
from ilkit.planning.plan import Call, Plan
from ilkit.planning.seeds import continuing_fault, single_fault
from ilkit.registry.digest import content_digest
from ilkit.running import loop
from ilkit.running.backend import fix_backend
from ilkit.running.chunks import Keys
from ilkit.running.observe import Observer, observed_stage
from ilkit.running.provenance import told
from ilkit.running.remarks import remarks_on
from ilkit.wiring.project import ARTIFACTS

Drive = Callable[[Training[Any], Keys, int], Seeds[Any]]


def run_in_memory(plan: Plan) -> dict[str, Any]:
    """Runs all stages without files and returns every artifact by its name."""
    found = plan_faults(plan)
    if found:
        raise ParamsError("\n".join(found))
    fix_backend(plan.num_threads, plan.instruction_set)
    made: dict[str, Any] = {}
    for name, node in plan.graph.nodes.items():
        inputs = {argument: made[edge.name] for argument, edge in node.inputs.items()}
        artifacts = execute(plan.call(name), inputs, partial(loop.drive, num_threads=plan.num_threads))
        made |= told(plan, name, inputs, artifacts)
    return made


def run_stage(plan: Plan, name: str, folder: Path) -> None:
    """Runs one stage with files: reads its inputs, drives it, writes its artifacts.

    **Raises:** `WiringError` for an unknown stage, `ParamsError` where its kind doesn't take what it is handed, and
    whatever the stage raises; no half-written artifact is left.
    """
    if name not in plan.graph.nodes:
        raise WiringError(f"The pipeline has no stage {name!r}. {nearest(name, plan.graph.nodes)}")
    call = plan.call(name)
    found = list(input_faults(plan, call))
    if found:
        raise ParamsError("\n".join(found))
    sources = {argument: folder / ARTIFACTS / edge.name for argument, edge in call.node.inputs.items()}
    with observed_stage(name, call.component.kind, folder) as observer:
        inputs = {argument: load(path) for argument, path in sources.items()}
        checkpoints = folder / ".ilkit" / "checkpoints" / f"{name}-{_identity(plan, call, sources, folder)}"
        artifacts = execute(call, inputs, partial(_drive, observer, call, checkpoints, plan.num_threads))
        for made, artifact in told(plan, name, inputs, artifacts).items():
            save(artifact, folder / ARTIFACTS / made)
            observer.made(artifact)


def execute(call: Call, inputs: Mapping[str, Any], drive: Drive) -> dict[str, Any]:
    """Runs one stage on its inputs and returns its artifacts by name; `drive` takes a training run to its end.

    **Raises:** `DataError` where the stage makes something else than it declares.
    """
    declaration = call.node.declaration
    shared, per_seed = _split_inputs(call, inputs)
    if call.learns:
        learnt = _train(call, shared, per_seed, drive)
        made = learnt.stacked
    else:
        single = {name: _only_seed(call, name, given) for name, given in per_seed.items()}
        made = call(**shared, **single)
    if declaration.makes_several:
        _check_type(call, made, declaration.makes)
    artifacts = {}
    for edge in call.node.edges:
        artifact = made if edge.field is None else getattr(made, edge.field)
        if call.keeps_seeds:
            _check_type(call, artifact, Seeds)
        _check_type(call, artifact.stacked if call.keeps_seeds else artifact, edge.makes)
        if call.learns:
            grows = isinstance(artifact, Aggregate)  # what it held earlier are the first of its rows
            kept = None if learnt.snapshots is None or grows else learnt.snapshots.part(edge.field)
            artifact = Seeds(artifact, learnt.curves, len(learnt), kept)
        elif isinstance(artifact, Learnt):
            artifact = Seeds(jax.tree.map(_with_seed_axis, artifact), {}, 1)
        artifacts[edge.name] = artifact
    return artifacts


def _train(call: Call, shared: Mapping[str, Any], per_seed: Mapping[str, Seeds[Any]], drive: Drive) -> Seeds[Any]:
    stacked = {name: _stacked(call, name, given) for name, given in per_seed.items()}

    def make(per_seed: dict[str, Any], *, key: PRNGKeyArray) -> Training[Any]:
        training = call.make(**shared, **per_seed, key=key)
        _check_type(call, training, Training)
        return training

    sizes = {"num_seeds": call.num_seeds, "num_snapshots": call.num_snapshots}
    training, step_key = loop.prepare(make, (stacked,), key=call.key, **sizes)
    return drive(training, step_key, call.num_seeds)


def _drive(
    observer: Observer,
    call: Call,
    checkpoints: Path,
    num_threads: int,
    training: Training[Any],
    key: Keys,
    num_seeds: int,
) -> Seeds[Any]:
    with observer.training(training, num_seeds, checkpoints) as (progress, watch):
        learnt = loop.drive(training, key, num_seeds, num_threads=num_threads, progress=progress, watch=watch)
    observer.trained(training, learnt, remarks_on(call, learnt.curves))
    return learnt


def _check_type(call: Call, made: Any, expected: Any) -> None:
    if isinstance(expected, type) and not isinstance(made, expected):
        raise DataError(
            f"{call.node.name}: {call.node.block}.{call.component.kind} must make {type_name(expected)}, as it "
            f"declares, got {type(made).__name__}. Mend the component."
        )


def _split_inputs(call: Call, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Seeds[Any]]]:
    declaration = call.node.declaration
    per_seed = {
        name: given for name, given in inputs.items() if isinstance(given, Seeds) and not declaration.takes_seeds(name)
    }
    return {name: given for name, given in inputs.items() if name not in per_seed}, per_seed


def _only_seed(call: Call, name: str, given: Seeds[Any]) -> Any:
    if len(given) != 1:
        edge = call.node.inputs[name]
        at, source = f"{call.node.block}.{call.component.kind}.{name}", f"num_seeds of {edge.node.block}"
        raise DataError(single_fault(at, edge.name, len(given), source))
    return given[0]


def _stacked(call: Call, name: str, given: Seeds[Any]) -> PyTree:
    count = call.num_seeds
    for fault in continuing_fault(f"{call.node.block}.{call.component.kind}", call.num_seeds, name, len(given)):
        raise ParamsError(fault)
    return jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape[1:])) if eqx.is_array(leaf) else leaf, given.stacked
    )


def _with_seed_axis(leaf: Any) -> Any:
    return leaf[None] if eqx.is_array(leaf) else leaf


def _described(part: Build[Any]) -> list[Any]:
    nested = [one for one in (*part.parts, part.inner) if one is not None]
    return [part.kind, part.spec.model_dump_json(), [_described(one) for one in nested]]


def _identity(plan: Plan, call: Call, sources: Mapping[str, Path], folder: Path) -> str:
    described = {
        "spec": call.spec.model_dump_json(),
        "parts": {name: _described(part) for name, part in call.parts.items()},
        "inputs": {name: content_digest(path) for name, path in sources.items()},
        "code": content_digest(folder / "components.json"),
        "seed": plan.seed,
        "num_threads": plan.num_threads,
        "instruction_set": plan.instruction_set,
        "jax": jax.__version__,
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
