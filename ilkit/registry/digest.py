"""Digests of code: what a component's result depends on beside its inputs, found without importing it."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_RUNNER = "ilkit.running.run"
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The parts of a statement that hold statements: imports stand nowhere else."""


def component_digest(module: str, files: Iterable[Path] = ()) -> str:
    """The digest of a module, of what it imports inside its own package and ilkit, of the versions of the libraries
    that these import, and of the content of `files`."""
    sources, libraries = _closure(module)
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(name.encode() + b"\0" + sources[name] + b"\0")
    for library in sorted(libraries):
        digest.update(f"{library}=={_version(library)}\0".encode())
    for path in files:
        digest.update(content_digest(path).encode())
    return digest.hexdigest()[:16]


def core_digest() -> str:
    """The digest of the runner itself."""
    return component_digest(_RUNNER)


def content_digest(path: Path) -> str:
    """The digest of a file, or of all files in a folder."""
    digest = hashlib.sha256()
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if one.is_file():
            digest.update(one.relative_to(path).as_posix().encode() + b"\0" + one.read_bytes())
    return digest.hexdigest()


def _closure(module: str) -> tuple[dict[str, bytes], set[str]]:
    packages = {"ilkit", module.split(".")[0]}
    sources: dict[str, bytes] = {}
    libraries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in sources or path is None:
            continue
        sources[name] = path.read_bytes()
        for imported in _imports(path):
            top = imported.split(".")[0]
            if top in packages:
                waiting.append(imported)
            else:
                libraries |= {top, "jaxlib"} if top == "jax" else {top}
    return sources, {library for library in libraries if _version(library) is not None}


@cache
def _source(module: str) -> Path | None:
    top, *rest = module.split(".")
    specification = importlib.util.find_spec(top)
    if specification is None:
        return None
    if not specification.submodule_search_locations:
        return Path(specification.origin) if specification.origin and not rest else None
    if not rest:
        return None  # a package's own __init__ only names what it exports
    for location in specification.submodule_search_locations:
        base = Path(location, *rest)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


@cache
def _imports(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_bytes(), path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for block in _BLOCKS:
            waiting += getattr(node, block, ())
    return tuple(sorted(set(names)))


@cache
def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None  # the standard library, or a distribution of another name, which a dependency pins
