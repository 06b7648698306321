"""Where the code of all kinds that a `params.yaml` names is found."""

from pathlib import Path

from ilkit.registry.digest import Code, own_packages, unfollowed
from ilkit.registry.find import entry_point
from ilkit.registry.params import candidates
from ilkit.registry.paths import own_modules, paths
from ilkit.running.check import check
from ilkit.spec import Spec


def chosen_codes(folder: Path) -> tuple[dict[str, dict[str, Code]], list[str]]:
    """Validates a folder; the code of every kind by block and kind, and what digests of the chosen ones don't see.

    **Raises:** `IlkitError` where something is wrong.
    """
    plan = check(folder)
    found = {
        block: {kind: _code(group, kind) for kind in candidates(plan.raw, block)}
        for block, group in plan.groups.items()
    }
    outer: dict[str, str] = {}
    for block, spec in plan.specs():  # a chosen kind comes before the one that it is a wrapper around
        kind = str(dict(spec)["kind"])
        code = _with_settings(found[block][kind], spec, folder)
        found[block][kind] = code
        if chosen := outer.get(block):
            found[block][chosen] = _around(found[block][chosen], code, spec)
        outer[block] = kind
    notes = [
        f"{block}.{kind}: {place}" for block, kind in outer.items() for place in unfollowed(found[block][kind], folder)
    ]
    return found, notes


def _code(group: str, kind: str) -> Code:
    point = entry_point(group, kind)
    return Code(point.value.split(":")[0], own_packages(point))


def _with_settings(code: Code, spec: Spec, folder: Path) -> Code:
    return code._replace(files=tuple(str(path) for _, path in paths(spec)), modules=tuple(own_modules(spec, folder)))


def _around(code: Code, inner: Code, spec: Spec) -> Code:
    """The code of a wrapper, whose result depends on the kind in it and on the settings of that one."""
    return code._replace(
        own=tuple(sorted({*code.own, *inner.own})),
        files=(*code.files, *inner.files),
        modules=(*code.modules, inner.module, *inner.modules),
        settings=spec.model_dump_json(),
    )
