"""Checking a folder: its `params.yaml`, its pipeline, the files that these name, and that its parts can be built."""

import os
from collections.abc import Iterator
from pathlib import Path

from ilkit.errors import ParamsError, counted
from ilkit.planning.building import building_faults
from ilkit.planning.faults import plan_faults
from ilkit.planning.plan import Plan
from ilkit.planning.reach import reach_told
from ilkit.registry.paths import missing
from ilkit.running.pipelines import read_plan


def check(folder: Path) -> Plan:
    """Validates `params.yaml` and the folder's pipeline, and that its parts and experts can be made; writes nothing.

    **Raises:** `ParamsError` with everything that is wrong, a line each; `WiringError`.
    """
    plan = read_plan(folder)
    found = plan_faults(plan) or list(_missing_files(plan, folder)) or list(building_faults(plan))
    if found:
        raise ParamsError("\n".join(found))
    return plan


def notes(plan: Plan) -> Iterator[str]:
    """What works but may not be meant: more threads than the machine has processors, goals that are out of reach,
    settings without effect."""
    there = os.cpu_count() or 1
    if plan.num_threads > there:
        yield (
            f"num_threads: this machine has {counted(there, 'processor')}, fewer than the {plan.num_threads} threads. "
            "That works, and bits depend on it: keep it where they must be those of another machine."
        )
    yield from reach_told(plan, none_reached=False)
    for block, spec in plan.specs():
        for name, where in spec.idle().items():
            if getattr(spec, name) != type(spec).model_fields[name].default:
                at = f"{block}.{dict(spec)['kind']}.{name}"
                yield f"{at}: has an effect only where {where}. It is {getattr(spec, name)}, and changes nothing."


def _missing_files(plan: Plan, folder: Path) -> Iterator[str]:
    """Where the spec of a chosen kind points to nothing."""
    for block, spec in plan.specs():
        yield from (f"{block}.{dict(spec)['kind']}.{fault}" for fault in missing(spec, folder))
