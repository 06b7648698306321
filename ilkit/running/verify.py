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

from ilkit.artifact.distance import distances
from ilkit.errors import ArtifactError, WiringError, nearest
from ilkit.planning.plan import Plan
from ilkit.registry.settings import read_params
from ilkit.running.chosen import chosen_codes
from ilkit.running.components import digests_of
from ilkit.running.pipelines import read_plan
from ilkit.running.process_variables import processor_name
from ilkit.running.run import run_stage
from ilkit.wiring.lock import Locked, folder_digest, read_lock
from ilkit.wiring.project import ARTIFACTS

_PLACE = Path(".ilkit/verify")
_NEAR = 1e-3
"""Up to this share of the largest number of an array, it is called equal within that share."""


def verify_folder(folder: Path, stages: Sequence[str], say: Callable[[str], object]) -> bool:
    """Runs the stages named, or all, as `params.yaml` says now; says of each artifact how its bytes compare with those
    that `dvc.lock` names, and what has changed in between. Returns whether all bytes are the same.

    A stage is run on the inputs that `dvc.lock` names, where they are there or were made again just before, so that it
    answers for itself.

    **Raises:** `WiringError` for a stage that the pipeline or `dvc.lock` doesn't have; `ArtifactError` where an input
    is missing.
    """
    plan, locks = read_plan(folder), read_lock(folder)
    names = _chosen(plan, locks, stages)
    components = digests_of(chosen_codes(folder)[0], plan.instruction_set, folder)
    shutil.rmtree(folder / _PLACE, ignore_errors=True)
    verdicts = []
    for name in names:
        notes = _prepare(folder, plan, name, locks[name], components)
        run_stage(plan, name, folder / _PLACE / name)
        for edge in plan.graph.nodes[name].edges:
            again = folder / _PLACE / name / ARTIFACTS / edge.name
            digest = locks[name].outputs.get(edge.name, "")
            same, verdict = _compared(again, folder / ARTIFACTS / edge.name, digest)
            changes = _changes(folder, name, edge.name, locks[name], components)
            verdicts.append((edge.name, same, verdict, [*notes, *changes]))
    for made, _, verdict, notes in verdicts:
        say("\n".join([f"{made}: {verdict}", *(f"    {note}" for note in notes)]))
    if all(same for _, same, _, _ in verdicts):
        shutil.rmtree(folder / _PLACE)
        return True
    say(f"What was made now lies in {folder / _PLACE}.")
    return False


def _chosen(plan: Plan, locks: Mapping[str, Locked], stages: Sequence[str]) -> list[str]:
    for name in stages:
        if name not in plan.graph.nodes:
            raise WiringError(f"The pipeline has no stage {name!r}. {nearest(name, plan.graph.nodes)}")
    chosen = [name for name in plan.graph.nodes if name in stages or not stages]
    missing = [name for name in chosen if name not in locks]
    if missing:
        raise WiringError(f"dvc.lock must name what is verified, but it lacks {', '.join(missing)}. Run `dvc repro`.")
    return chosen


def _prepare(folder: Path, plan: Plan, name: str, lock: Locked, components: Mapping[str, Any]) -> list[str]:
    """Makes the folder that a stage is run in; returns what is to say of its inputs."""
    place = folder / _PLACE / name
    place.mkdir(parents=True)
    (place / "components.json").write_text(json.dumps(components))
    notes = []
    for edge in {edge.name: edge for edge in plan.graph.nodes[name].inputs.values()}.values():
        again = folder / _PLACE / edge.node.name / ARTIFACTS / edge.name
        source, is_named = _input(again, folder / ARTIFACTS / edge.name, lock.inputs.get(edge.name, ""))
        link = place / ARTIFACTS / edge.name
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(source.resolve(), link, target_is_directory=True)
        notes += [] if is_named else [f"{edge.name}, which it was made from, is other than the one that dvc.lock names"]
    return sorted(notes)


def _input(again: Path, before: Path, digest: str) -> tuple[Path, bool]:
    """The artifact that the lock names, or the one made just before."""
    for place in (again, before):
        if folder_digest(place) == digest:
            return place, True
    if not again.is_dir():
        raise ArtifactError(
            f"{before} must be the artifact that dvc.lock names. Fetch it (`dvc pull`, `dvc checkout`), or verify "
            "the stage that makes it as well."
        )
    return again, False


def _compared(again: Path, before: Path, digest: str) -> tuple[bool, str]:
    found = folder_digest(again)
    if found == digest:
        return True, "same bytes"
    other = f"other bytes: {digest.removesuffix('.dir')} then, {found.removesuffix('.dir')} now"
    if folder_digest(before) != digest:
        return False, f"{other} ({before} isn't the one that dvc.lock names, so only digests were compared)"
    distance, where = max(distances(before, again), default=(math.inf, "the files"))
    if distance <= _NEAR:
        return False, f"equal within {distance:.2g} ({where}), but {other}"
    size = "" if math.isinf(distance) else f" by {distance:.2g} of its largest number"
    return False, f"{other}; {where} differs most{size}"


def _changes(folder: Path, stage: str, made: str, lock: Locked, components: Mapping[str, Any]) -> Iterator[str]:
    """What has changed: settings and code by `dvc.lock`, the machine by the log beside the artifact."""
    raw = read_params(folder / "params.yaml")
    for path, then in lock.params.items():
        yield from _differences(path, then, _looked_up(raw, path))
    for path, then in lock.code.items():
        now = _looked_up(components, path)
        if then != now:
            label = path if path == "instruction_set" else f"code of {path}"
            yield f"{label}: {then} then, {now} now"
    log = _logged(folder, stage, made, lock)
    for what, now in {"jaxlib": version("jaxlib"), "processor": processor_name()}.items():
        if log.get(what, now) != now:
            yield f"{what}: {log[what]} then, {now} now"
    if not log:
        yield f"jaxlib and processor then: unknown, for artifacts/{made} and its log aren't those of dvc.lock"


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


def _logged(folder: Path, stage: str, made: str, lock: Locked) -> dict[str, str]:
    """What the log says of the machine, where the artifact beside it is the one that the lock names."""
    path = folder / ARTIFACTS / f"{stage}.log"
    if not path.is_file() or folder_digest(folder / ARTIFACTS / made) != lock.outputs.get(made):
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    return dict(re.findall(r"\b(jaxlib|processor): ([^\n]*)$", text, re.MULTILINE))
