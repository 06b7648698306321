"""Digests of code: what a component's result depends on beside its inputs, found without importing it."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

_RUNNER = "ilkit.running.run"
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""The parts of a statement that hold statements: imports stand nowhere else."""
_BY_NAME = {"import_module", "__import__", "exec_module", "load_module"}


class Code(NamedTuple):
    """Where the code of a component is found."""

    module: str
    own: tuple[str, ...] = ()
    """The packages and modules of its distribution: these are followed, other libraries count by their version."""
    files: tuple[str, ...] = ()
    """Files that its spec names, in the project's folder."""
    modules: tuple[str, ...] = ()
    """Modules that its spec names: of the project's folder, or of the kind that it is a wrapper around."""
    settings: str = ""
    """The settings of the kind that it is a wrapper around."""


class _Sources(NamedTuple):
    sources: dict[str, Path]
    libraries: set[str]


def component_digest(code: Code, folder: Path = Path()) -> str:
    """The digest of a component: of its module and of all that this imports inside its distribution, the project's
    folder and ilkit, of the versions of the libraries that these import, and of the files that it names.

    Of code counts what it does: comments, docstrings and line breaks may change.
    """
    sources, libraries = _closure([code.module, *code.modules], code.own, folder)
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(f"{name}\0{_meaning(sources[name])}\0".encode())
    for library in sorted(libraries):
        digest.update(f"{library}=={_version(library)}\0".encode())
    digest.update(code.settings.encode())
    for name in code.files:
        digest.update(content_digest(folder / name).encode())
    return digest.hexdigest()[:16]


def core_digest() -> str:
    """The digest of the runner itself."""
    return component_digest(Code(_RUNNER))


def content_digest(path: Path) -> str:
    """The digest of a file, or of all files in a folder."""
    digest = hashlib.sha256()
    for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if one.is_file():
            digest.update(one.relative_to(path).as_posix().encode() + b"\0" + one.read_bytes())
    return digest.hexdigest()


def own_packages(point: EntryPoint) -> tuple[str, ...]:
    """The packages and modules of the distribution of an entry point."""
    listed = point.dist.read_text("top_level.txt") if point.dist else None
    files = point.dist.files if point.dist else None
    sources = [path for path in files or () if path.suffix == ".py" and ".." not in path.parts]
    tops = {path.parts[0].removesuffix(".py") for path in sources}
    return tuple(sorted({point.value.split(":")[0].split(".")[0], *(listed or "").split(), *tops} - {"ilkit"}))


def unfollowed(code: Code, folder: Path = Path()) -> Iterator[str]:
    """What the digest of a component can't see: modules that it imports by a name made when it runs."""
    for name, path in sorted(_closure([code.module, *code.modules], code.own, folder).sources.items()):
        if name.split(".")[0] == "ilkit":
            continue
        for node in ast.walk(ast.parse(path.read_bytes(), path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _BY_NAME:
                yield f"{name}, line {node.lineno}"


def _closure(modules: Sequence[str], own: Iterable[str], folder: Path) -> _Sources:
    folder = folder.resolve()  # what was found is kept, and a process may go to another folder
    followed = {"ilkit", *own, *(module.split(".")[0] for module in modules)}
    sources: dict[str, Path] = {}
    libraries: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name, folder)
        if name in sources or path is None:
            continue
        sources[name] = path
        for imported in _imports(path, name):
            top = imported.split(".")[0]
            if top in followed or _is_beside(top, path, folder):
                waiting.append(imported)
            else:
                libraries |= {top, "jaxlib"} if top == "jax" else {top}
    return _Sources(sources, {library for library in libraries if _version(library) is not None})


@cache
def _is_beside(top: str, path: Path, folder: Path) -> bool:
    """Whether a module lies where somebody works: in the project's folder, or beside a module of a plug-in."""
    if (folder / top).is_dir() or (folder / f"{top}.py").is_file():
        return True
    beside = [path.parent / f"{top}.py", path.parent / top / "__init__.py"]
    return "site-packages" not in path.parts and any(one.is_file() for one in beside)


@cache
def _source(module: str, folder: Path) -> Path | None:
    top, *rest = module.split(".")
    locations = [str(folder / top)] if (folder / top).is_dir() else None
    if not locations:
        specification = None if (folder / f"{top}.py").is_file() else importlib.util.find_spec(top)
        locations = list(specification.submodule_search_locations or ()) if specification else []
        if not locations:
            origin = Path(specification.origin or "") if specification else folder / f"{top}.py"
            return origin if origin.suffix == ".py" and origin.is_file() and not rest else None
    if module == "ilkit":
        return None  # it only names what it exports
    for location in locations:
        base = Path(location, *rest)
        for path in (base.with_suffix(".py") if rest else base / "__init__.py", base / "__init__.py"):
            if path.is_file():
                return path
    return None


@cache
def _imports(path: Path, module: str) -> tuple[str, ...]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    names: list[str] = []
    waiting: list[ast.AST] = [ast.parse(path.read_bytes(), path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for block in _BLOCKS:
            waiting += getattr(node, block, ())
    parents = {name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)}
    return tuple(sorted({name for name in {*names, *parents} if name}))


@cache
def _meaning(path: Path) -> str:
    """The code of a file, without what it tells its readers; alike in all versions of Python."""
    return _described(ast.parse(path.read_bytes(), path))


def _described(node: object) -> str:
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({','.join(f'{name}={_described(value)}' for name, value in fields)})"
    if isinstance(node, list):
        return f"[{','.join(_described(one) for one in node if not _is_docstring(one))}]"
    return repr(node)


def _is_docstring(node: object) -> bool:
    """Whether a statement is a text alone, as under a module, a function or a setting."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None  # the standard library, or a distribution of another name, which a dependency pins
