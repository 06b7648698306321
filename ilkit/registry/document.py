"""Reading a YAML document as DVC does (YAML 1.2): plain mappings, lists, texts and numbers, of no great depth."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ilkit.errors import ParamsError

_DEPTH = 32
_REMEDIES = {
    "cannot start any token": " Indent by spaces, not by tabs, and put texts that begin with such a letter in quotes.",
    "mapping values are not allowed": " Is it indented as the lines around it, with a space after each colon?",
    "did not find expected": " Is it indented as the lines around it, and is every bracket closed?",
    "duplicate key": " Leave one of them out.",
}
"""What to do where the parser says so."""


def read_document(path: Path) -> dict[str, Any]:
    """Reads a file that holds one mapping.

    **Raises:** `FileNotFoundError`; `ParamsError`, which names file and line, where it is no YAML, no mapping, where a
    name is no text, and where it is nested without end.
    """
    try:
        raw = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        _check(raw, str(path), 0)
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = str(error.problem or error)
        near = next((remedy for words, remedy in _REMEDIES.items() if words in problem), "")
        raise ParamsError(f"{path}{line}: must be YAML: {problem}.{near}") from error
    except (YAMLError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ParamsError(f"{path}: must be a file of YAML: {error}.") from error
    except RecursionError as error:
        raise ParamsError(f"{path}: must be nested at most {_DEPTH} deep. Is an alias in its own anchor?") from error
    except ValueError as error:
        raise ParamsError(f"{path}: must hold numbers of at most 4,300 digits. ({error})") from error
    if not isinstance(raw, dict):
        given = "nothing" if raw is None else "a list" if isinstance(raw, list) else repr(raw)
        raise ParamsError(f"{path}: must be a mapping of names, such as `seed: 0`, got {given}.")
    return raw


def _check(value: Any, where: str, depth: int) -> None:
    if depth > _DEPTH:
        raise RecursionError
    for name, inner in value.items() if isinstance(value, dict) else ():
        if not isinstance(name, str):
            raise ParamsError(f"{where}: every name must be a text, got {name!r}. Put it in quotes.")
        _check(inner, f"{where}: {name}" if not depth else f"{where}.{name}", depth + 1)
    for inner in value if isinstance(value, list) else ():
        _check(inner, where, depth + 1)
