"""Writing a new plug-in that works, to be edited: a kind of any block, or a stage of one's own with a kind."""

import keyword
import re
from pathlib import Path

from ilkit.entry_points import component_entry_points
from ilkit.errors import ParamsError, nearest
from ilkit.registry.find import declarations
from ilkit.scaffolding.template import TEMPLATES, write_template

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_DRAW_NOTHING = ("expert",)


def write_plugin(name: str, folder: Path, *, block: str = "imitate", stage: str | None = None) -> None:
    """Writes `folder/ilkit-NAME`: a module with the kind NAME of `block`, or of a new stage called `stage` that it
    declares, its entry point, a test that runs the conformance kit, a README.

    **Raises:** `ParamsError` where a name is no lowercase identifier, is taken, or there is such a folder already;
    nothing is written then.
    """
    kind = name.replace("-", "_")
    _check_name(name, kind)
    known = sorted(["imitate", *(path.name for path in (TEMPLATES / "blocks").iterdir())])
    if stage is not None:
        _check_stage(stage)
    elif block not in known:
        raise ParamsError(f"--block must be one of {', '.join(known)}, got {block!r}. {nearest(block, known)}")
    block = stage or block
    _check_free(block, kind)
    target = folder / f"ilkit-{name}"
    if target.exists():
        raise ParamsError(f"{target} must not exist yet. Choose another name, or remove it first.")
    spec = "".join(part.capitalize() for part in kind.split("_"))
    options = ", draws=False" if block in _DRAW_NOTHING else ""
    values = {"name": name, "kind": kind, "spec": spec, "block": block, "options": options}
    for template in _templates(block, stage):
        write_template(template, target, values)


def _templates(block: str, stage: str | None) -> tuple[str, ...]:
    if stage is not None:
        return ("stage",)
    return ("plugin",) if block == "imitate" else ("part", f"blocks/{block}")


def _check_name(name: str, kind: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(kind):
        raise ParamsError(
            f"The name of a plug-in must be lowercase letters and digits, in words joined by - or _, got {name!r}. "
            "Try one like noisy-bc."
        )


def _check_stage(stage: str) -> None:
    if not _NAME.fullmatch(stage) or "-" in stage or keyword.iskeyword(stage):
        raise ParamsError(f"The name of a stage must be lowercase words joined by _, got {stage!r}. Try one like sift.")
    if stage in declarations():
        raise ParamsError(f"The stage {stage} is declared already. Choose another name, or a kind: --block {stage}.")


def _check_free(block: str, kind: str) -> None:
    taken = [point for point in component_entry_points() if (point.group, point.name) == (f"ilkit.{block}", kind)]
    if taken:
        by = taken[0].dist.name if taken[0].dist else "another distribution"
        raise ParamsError(f"The kind {block}.{kind} is taken by {by}, and two can't share it. Choose another name.")
