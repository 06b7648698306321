"""Verifying a pipeline: every stage again, beside it and without DVC, against the bytes that `dvc.lock` names."""

import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from ilkit.components import current_components
from ilkit.dvc import Locked, folder_digest, read_lock
from ilkit.errors import ArtifactError, WiringError, nearest
from ilkit.params import read_params
from ilkit.pipelines import load_pipeline
from ilkit.process_variables import processor_name
from ilkit.project import ARTIFACTS, pipeline_of
from ilkit.run import run_stage
from ilkit.tracing import Graph

_PLACE = Path(".ilkit/verify")
_NEAR = 1e-3
"""Up to this share of the largest number of an array, it is called equal within that share."""
_NUMBER = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?")


def verify_folder(folder: Path, stages: Sequence[str], say: Callable[[str], object]) -> bool:
    """Runs the stages named, or all, as `params.yaml` says now; says of each how its bytes compare with those that
    `dvc.lock` names, and what has changed in between. Returns whether all bytes are the same.

    A stage is run on the inputs that `dvc.lock` names, where they are there or were made again just before, so that it
    answers for itself.

    **Raises:** `WiringError` for a stage that the pipeline or `dvc.lock` doesn't have; `ArtifactError` where an input
    is missing.
    """
    graph, locks = load_pipeline(pipeline_of(folder)).graph, read_lock(folder)
    names = _chosen(graph, locks, stages)
    components = current_components(folder)
    shutil.rmtree(folder / _PLACE, ignore_errors=True)
    verdicts = []
    for name in names:
        notes = _prepare(folder, graph, name, locks[name], components)
        run_stage(graph, name, folder / _PLACE / name)
        same, verdict = _compared(folder, name, locks[name].output)
        verdicts.append((name, same, verdict, [*notes, *_changes(folder, name, locks[name], components)]))
    for name, _, verdict, notes in verdicts:
        say("\n".join([f"{name}: {verdict}", *(f"    {note}" for note in notes)]))
    if all(same for _, same, _, _ in verdicts):
        shutil.rmtree(folder / _PLACE)
        return True
    say(f"What was made now lies in {folder / _PLACE}.")
    return False


def _chosen(graph: Graph, locks: Mapping[str, Locked], stages: Sequence[str]) -> list[str]:
    for name in stages:
        if name not in graph.nodes:
            raise WiringError(f"The pipeline has no stage {name!r}. {nearest(name, graph.nodes)}")
    chosen = [name for name in graph.nodes if name in stages or not stages]
    missing = [name for name in chosen if name not in locks]
    if missing:
        raise WiringError(f"dvc.lock must name what is verified, but it lacks {', '.join(missing)}. Run `dvc repro`.")
    return chosen


def _prepare(folder: Path, graph: Graph, name: str, lock: Locked, components: Mapping[str, Any]) -> list[str]:
    """Makes the folder that a stage is run in; returns what is to say of its inputs."""
    place = folder / _PLACE / name
    (place / ARTIFACTS).mkdir(parents=True)
    shutil.copy(folder / "params.yaml", place)
    (place / "components.json").write_text(json.dumps(components))
    notes = []
    for made in {node.name for node in graph.nodes[name].inputs.values()}:
        source, is_named = _input(folder, made, lock.inputs.get(made, ""))
        os.symlink(source.resolve(), place / ARTIFACTS / made, target_is_directory=True)
        notes += [] if is_named else [f"{made}, which it was made from, is other than the one that dvc.lock names"]
    return sorted(notes)


def _input(folder: Path, made: str, digest: str) -> tuple[Path, bool]:
    """The artifact that the lock names, or the one made just before."""
    again, before = folder / _PLACE / made / ARTIFACTS / made, folder / ARTIFACTS / made
    for place in (again, before):
        if folder_digest(place) == digest:
            return place, True
    if not again.is_dir():
        raise ArtifactError(
            f"{before} must be the artifact that dvc.lock names. Fetch it (`dvc pull`, `dvc checkout`), or verify "
            f"{made} as well."
        )
    return again, False


def _compared(folder: Path, name: str, digest: str) -> tuple[bool, str]:
    again, before = folder / _PLACE / name / ARTIFACTS / name, folder / ARTIFACTS / name
    found = folder_digest(again)
    if found == digest:
        return True, "same bytes"
    other = f"other bytes: {digest.removesuffix('.dir')} then, {found.removesuffix('.dir')} now"
    if folder_digest(before) != digest:
        return False, f"{other} (artifacts/{name} isn't the one that dvc.lock names, so only digests were compared)"
    distance, where = max(_distances(before, again), default=(math.inf, "the files"))
    if distance <= _NEAR:
        return False, f"equal within {distance:.2g} ({where}), but {other}"
    size = "" if math.isinf(distance) else f" by {distance:.2g} of its largest number"
    return False, f"{other}; {where} differs most{size}"


def _distances(before: Path, again: Path) -> Iterator[tuple[float, str]]:
    """How far two artifacts lie apart: a share of the largest number, by array and by text; infinite without one."""
    names = {path.relative_to(one).as_posix() for one in (before, again) for path in one.rglob("*") if path.is_file()}
    for name in sorted(names):
        if not ((before / name).is_file() and (again / name).is_file()):
            yield math.inf, name
        elif name.endswith(".safetensors"):
            old, new = load_file(before / name), load_file(again / name)
            for array in sorted({*old, *new}):
                yield (_distance(old[array], new[array]) if array in old and array in new else math.inf), array
        else:
            yield _text_distance(*((one / name).read_text(encoding="utf-8") for one in (before, again))), name


def _distance(old: np.ndarray, new: np.ndarray) -> float:
    if old.shape != new.shape or old.dtype != new.dtype:
        return math.inf
    if np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
        return 0.0
    old, new = old.astype(np.float64), new.astype(np.float64)
    if not np.array_equal(np.isfinite(old), np.isfinite(new)):
        return math.inf
    finite = np.isfinite(old)
    return float(np.abs(old - new)[finite].max(initial=0.0) / max(np.abs(old[finite]).max(initial=0.0), 1e-30))


def _text_distance(old: str, new: str) -> float:
    if _NUMBER.sub("", old) != _NUMBER.sub("", new):
        return math.inf
    numbers = ([float(one.replace(",", "")) for one in _NUMBER.findall(text)] for text in (old, new))
    pairs = list(zip(*numbers, strict=True))
    return max((abs(a - b) / max(abs(a), abs(b)) for a, b in pairs if a != b), default=0.0)


def _changes(folder: Path, name: str, lock: Locked, components: Mapping[str, Any]) -> Iterator[str]:
    """What has changed: settings and code by `dvc.lock`, the machine by the log beside the artifact."""
    raw = read_params(folder / "params.yaml")
    for path, then in lock.params.items():
        yield from _differences(path, then, _looked_up(raw, path))
    for path, then in lock.code.items():
        now = _looked_up(components, path)
        if then != now:
            label = path if path == "instruction_set" else f"code of {path}"
            yield f"{label}: {then} then, {now} now"
    log = _logged(folder, name, lock.output)
    for what, now in {"jaxlib": version("jaxlib"), "processor": processor_name()}.items():
        if log.get(what, now) != now:
            yield f"{what}: {log[what]} then, {now} now"
    if not log:
        yield f"jaxlib and processor then: unknown, for artifacts/{name} and its log aren't those of dvc.lock"


def _differences(path: str, then: Any, now: Any) -> Iterator[str]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            yield from _differences(f"{path}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield f"{path}: {then!r} then, {now!r} now"


def _looked_up(mapping: Mapping[str, Any], path: str) -> Any:
    """An entry by its path, such as `imitate.bc`; None where there is none."""
    found: Any = mapping
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _logged(folder: Path, name: str, digest: str) -> dict[str, str]:
    """What the log says of the machine, where the artifact beside it is the one that the lock names."""
    path = folder / ARTIFACTS / f"{name}.log"
    if not path.is_file() or folder_digest(folder / ARTIFACTS / name) != digest:
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    return dict(re.findall(r"\b(jaxlib|processor): ([^\n]*)$", text, re.MULTILINE))
