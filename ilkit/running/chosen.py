"""Where the code of all kinds that a `params.yaml` names is found."""

from pathlib import Path

from ilkit.registry.digest import Code, own_packages, unfollowed
from ilkit.registry.find import entry_point
from ilkit.registry.params import candidates, kind_of
from ilkit.registry.paths import own_modules, paths
from ilkit.running.check import check


def chosen_codes(folder: Path) -> tuple[dict[str, dict[str, Code]], list[str]]:
    """Validates a folder; the code of every kind by block and kind, and what digests of the chosen ones don't see.

    **Raises:** `IlkitError` where something is wrong.
    """
    plan = check(folder)
    found: dict[str, dict[str, Code]] = {}
    notes = []
    for block, spec in plan.specs():
        chosen = kind_of(plan.raw, block)
        for kind in candidates(plan.raw, block):
            point = entry_point(plan.groups[block], kind)
            code = Code(point.value.split(":")[0], own_packages(point))
            if kind == chosen:
                files = tuple(str(path) for _, path in paths(spec))
                code = code._replace(files=files, modules=tuple(own_modules(spec, folder)))
                notes += [f"{block}.{kind}: {place}" for place in unfollowed(code, folder)]
            found.setdefault(block, {})[kind] = code
    return found, notes
