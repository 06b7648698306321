"""What is wrong with a pipeline that can't be traced, in the words of who writes it."""

import inspect
import re
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

from ilkit.data.build import Build
from ilkit.data.seeds import Seeds
from ilkit.declaration import Declaration, type_name
from ilkit.errors import WiringError, nearest

_NAME = re.compile(r"[\w-]+")
_TAKEN = "components"
"""The name of the stage that every `dvc.yaml` begins with."""


def explained(error: Exception, function: Callable[..., Any]) -> WiringError:
    """What Python raised in a pipeline, with the line and the remedy where it is a known one."""
    path = inspect.unwrap(function).__code__.co_filename
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    where = f"{Path(path).name}, line {lines[-1]}: " if lines else ""
    return WiringError(f"{where}{_told(error)}")


def check_name(name: Any, names: Iterable[str]) -> None:
    """Checks the name of a stage, which is that of its folder and of DVC's stage as well.

    **Raises:** `WiringError` where another one has it, it is taken, or DVC wouldn't take it.
    """
    if name in names:
        raise WiringError(f"Two stages are called {name!r}. Give one another block, or a name: name='...'.")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _TAKEN:
        raise WiringError(
            f"The name of a stage must be of letters, digits, _ and -, and not {_TAKEN!r}, got {name!r}. Give it "
            "another: name='...'."
        )


def unbound(declaration: Declaration[Any, Any], error: TypeError, given: Iterable[str]) -> WiringError:
    """Arguments that a stage doesn't have, or hasn't got."""
    known = [*declaration.arguments]
    other = [name for name in given if name not in known and not declaration.others]
    near = f" {nearest(other[0], known)}" if other else ""
    listed = ", ".join([f"params.{declaration.name}", *(_argument(declaration, name) for name in known)])
    listed += ", NAME=..." if declaration.others else ""
    return WiringError(f"stages.{declaration.name} takes ({listed}), those in brackets if need be: {error}.{near}")


def remedy(declaration: Declaration[Any, Any], made: Any) -> str:
    """Where in a stage an artifact of a type goes, of whichever it was not meant for."""
    takers = [name for name in declaration.arguments if made in _plain(declaration.types_of(name))]
    if takers:
        return f" Hand it over as {' or '.join(takers)}."
    return " Hand it over by a name of its own: NAME=..." if made in _plain(declaration.others) else ""


def _told(error: Exception) -> str:
    given: Any = getattr(error, "obj", None)
    subject = type(given).__name__
    if isinstance(error, AttributeError) and subject == "Block":
        return (
            f"params.{given.name} is a block, whose settings can't be read in a pipeline, got "
            f"params.{given.name}.{error.name}. Hand over the block: its kind is chosen in params.yaml."
        )
    if isinstance(error, AttributeError) and subject == "Edge":
        return f"{given.name} makes one artifact, and has no {error.name!r}. Hand over {given.name} as it is."
    if isinstance(error, TypeError) and "Params" in str(error):
        return "Blocks are written params.NAME, and those whose names are made getattr(params, NAME)."
    if isinstance(error, TypeError) and ("Block" in str(error) or "Edge" in str(error)):
        return (
            f"{error}. A pipeline only says what goes where: no settings or artifacts can be read in it. Choose by "
            "kind in params.yaml, or by what the function itself defines."
        )
    return f"{type(error).__name__}: {error}."


def _argument(declaration: Declaration[Any, Any], name: str) -> str:
    hint = declaration.arguments[name]
    written = (
        f"params.{name}" if get_origin(hint) is Build else f"{name}: {' or '.join(map(type_name, _plain((hint,))))}"
    )
    return f"[{written}]" if name in declaration.optional else written


def _plain(hints: Iterable[Any]) -> list[Any]:
    """The types of what is handed over, of one training seed or of all."""
    return [get_args(one)[0] if get_origin(one) is Seeds else one for one in hints]
