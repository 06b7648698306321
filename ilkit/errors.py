"""Errors: each message gives the rule, the value and the remedy."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches


class IlkitError(Exception):
    """An error that its message explains fully; the command line prints it without a traceback."""


class ParamsError(IlkitError):
    """A value in `params.yaml` breaks a rule."""


class WiringError(IlkitError):
    """A pipeline connects what doesn't fit."""


class PluginError(IlkitError):
    """A component can't be found, imported, or doesn't match the declaration of its block."""


class ArtifactError(IlkitError):
    """An artifact is missing, truncated, foreign or of another format."""


class DataError(IlkitError):
    """Data, or a component given to another, doesn't meet what is needed of it."""


class NonFiniteError(IlkitError):
    """Training produced a number that isn't finite."""


def counted(number: int, noun: str) -> str:
    """A count with its noun, in the plural where it isn't one."""
    plural = noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def held(names: Iterable[str], most: int = 20) -> str:
    """What is there in place of a name that isn't: the remedy where a person knows better than its spelling."""
    found = sorted(names)
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    return f"There are {', '.join(found[:most])}{more}." if found else "There is nothing."


def nearest(name: str, choices: Iterable[str]) -> str:
    """The remedy for an unknown name: `Did you mean 'x'?`, or the choices where none is near."""
    choices = sorted(choices)
    close = get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Choose from: {', '.join(choices)}." if choices else "There are none to choose from."


def unknown_faults(setting: str, what: str, names: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """The faults of a setting that names what isn't there, each name once."""
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"{setting}: must name {what}, got {name!r}. {nearest(name, known)}"


def refuse(where: str, faults: Iterable[str]) -> None:
    """Refuses what has a fault, naming the first.

    **Raises:** `DataError` where there is one; `where` is its place in `params.yaml`.
    """
    for fault in faults:
        raise DataError(f"{where}.{fault}")
