"""Writing a new plug-in: a small kind of `imitate` that works, to be edited."""

import keyword
import re
from pathlib import Path

from ilkit.entry_points import component_entry_points
from ilkit.errors import ParamsError
from ilkit.scaffolding.template import write_template

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def write_plugin(name: str, folder: Path) -> None:
    """Writes `folder/ilkit-NAME`: a module, its entry point, a test that runs the conformance kit, a README.

    **Raises:** `ParamsError` where the name is no lowercase identifier, is taken, or there is such a folder already;
    nothing is written then.
    """
    kind = name.replace("-", "_")
    _check_name(name, kind)
    target = folder / f"ilkit-{name}"
    if target.exists():
        raise ParamsError(f"{target} must not exist yet. Choose another name, or remove it first.")
    spec = "".join(part.capitalize() for part in kind.split("_"))
    write_template("plugin", target, {"name": name, "kind": kind, "spec": spec})


def _check_name(name: str, kind: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(kind):
        raise ParamsError(
            f"The name of a plug-in must be lowercase letters and digits, in words joined by - or _, got {name!r}. "
            "Try one like noisy-bc."
        )
    taken = [point for point in component_entry_points() if (point.group, point.name) == ("ilkit.imitate", kind)]
    if taken:
        by = taken[0].dist.name if taken[0].dist else "another distribution"
        raise ParamsError(f"The kind imitate.{kind} is taken by {by}, and two can't share it. Choose another name.")
