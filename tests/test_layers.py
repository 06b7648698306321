"""Who may import whom, read from the source; and what no file may do."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = (
    *("env", "format", "dataset", "expert", "rollout", "join", "augment", "policy", "network"),
    *("imitate", "uncertainty", "exploration", "interact", "match", "condition", "finetune", "evaluate"),
    *("labeler", "comparisons", "prefer", "reward", "align", "align_online"),
)
LAYERS = (
    ("__main__",),
    ("cli",),
    ("testing", "curating", "scaffolding"),
    ("running",),
    ("planning",),
    ("wiring",),
    ("registry",),
    ("stages",),
    ("declaration",),
    BLOCKS,
    ("soft_imitation",),
    ("matching", "off_policy", "preferring"),
    ("reinforcement", "interaction", "asking", "valuing", "foreign", "reporting"),
    ("stepping", "measuring"),
    ("files", "fitting", "nn", "artifact"),
    ("data",),
    ("math",),
    ("entry_points", "spec", "errors"),
)
"""From top to bottom: a module imports only what stands lower, or stands in its own room."""
SHARED = (
    "soft_imitation",
    "matching",
    "off_policy",
    "preferring",
    "reinforcement",
    "interaction",
    "asking",
    "valuing",
    "foreign",
    "reporting",
    "stepping",
    "measuring",
    "files",
    "fitting",
    "nn",
    "data",
    "math",
)
"""The rooms of what algorithms share."""
FORBIDDEN_IN_ALGORITHMS = {"click", "dvc", "ruamel", "yaml", "subprocess", "pickle"}
STARTS_PROCESSES = ("ilkit.stepping.host_workers",)
FORBIDDEN_ANYWHERE = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in files("ilkit")}
ALGORITHMS = [name for name in MODULES if name.split(".")[1:2] and name.split(".")[1] in (*BLOCKS, *SHARED)]
SOURCES = files("ilkit", "plugins", "pipelines", "benchmarks", "tests")


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules that a file imports, those inside of functions too; `ilkit.a.b` where b is a module."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)


def layer(module: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if module.split(".")[1] in rooms)


def circle(edges: dict[str, set[str]]) -> list[str]:
    """The names on some way from a name back to itself, or none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name not in done:
            for other in sorted(edges.get(name, ())):
                if found := walk(other, [*way, name]):
                    return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := walk(name, []))), [])


def component_modules() -> set[str]:
    """The modules that the entry points of ilkit name."""
    import tomllib

    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    del groups["ilkit.stored"]
    return {value.split(":")[0] for points in groups.values() for value in points.values()}


def dangers(path: Path) -> Iterator[str]:
    """What runs a string, or loads what may."""
    yield from {name.split(".")[0] for name in imports(path)} & FORBIDDEN_ANYWHERE
    for node in nodes(path):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("eval", "exec", "compile", "os.system", "os.popen"):
            yield f"{called} in line {node.lineno}"
        for keyword in node.keywords:
            if keyword.arg in ("shell", "allow_pickle") and ast.unparse(keyword.value) != "False":
                yield f"{keyword.arg} in line {node.lineno}"


def test_imports_go_downward() -> None:
    upward = [
        f"{module} must not import {imported}"
        for module in MODULES
        if module != "ilkit"
        for imported in imports(MODULES[module])
        if imported.startswith("ilkit.") and imported.split(".")[1] != module.split(".")[1]
        if layer(imported) <= layer(module)
    ]
    assert not upward


def test_no_evaluation_imports_figures_before_it_has_run() -> None:
    """They take longer to import than a pipeline takes to check."""
    top: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        body = ast.parse(path.read_text(encoding="utf-8")).body
        named = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
        for node in body:
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {name if name in MODULES else str(node.module) for name in names}
        top[module] = named
    reached = {module for module in MODULES if module.startswith("ilkit.evaluate.")}
    while more := {one for module in reached for one in top[module] if one in MODULES} - reached:
        reached |= more
    drawing = {name for module in reached for name in top[module] if name.startswith("matplotlib")}
    assert not drawing


@pytest.mark.parametrize("room", [lambda name: name, lambda name: name.split(".")[1]], ids=["files", "rooms"])
def test_no_import_runs_in_a_circle(room) -> None:
    edges: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        if module == "ilkit":  # it names the homes of what it exports
            continue
        found = {room(one) for one in imports(path) if one in MODULES and one != "ilkit"}
        edges[room(module)] = edges.get(room(module), set()) | found - {room(module)}
    assert not circle(edges)


def test_a_component_imports_no_other_component() -> None:
    components = component_modules()
    found = [
        f"{module} must not import {imported}"
        for module in MODULES
        if module.split(".")[1:2] and module.split(".")[1] in BLOCKS
        for imported in imports(MODULES[module])
        if imported in components - {module}
        or (imported.startswith("ilkit.") and imported.split(".")[1] in {*BLOCKS} - {module.split(".")[1]})
    ]
    assert not found


def test_a_plugin_imports_no_component_but_in_its_tests() -> None:
    found = [
        f"{path} must not import {imported}"
        for path in files("plugins")
        if "tests" not in path.parts
        for imported in imports(path)
        if imported.startswith("ilkit.") and layer(imported) <= LAYERS.index(BLOCKS)
    ]
    assert not found


def test_an_algorithm_runs_without_registry_dvc_and_yaml() -> None:
    found = [
        f"{module} must not import {imported}"
        for module in ALGORITHMS
        for imported in imports(MODULES[module])
        if imported.split(".")[0] in FORBIDDEN_IN_ALGORITHMS
        and not (imported == "subprocess" and module in STARTS_PROCESSES)
    ]
    assert not found


def test_only_one_file_imports_dvc() -> None:
    importing = {path for path in files("ilkit", "plugins") for name in imports(path) if name.split(".")[0] == "dvc"}
    assert importing <= {ROOT / "ilkit" / "wiring" / "dvc.py"}


def test_nothing_runs_what_it_reads() -> None:
    found = [f"{path}: {danger}" for path in SOURCES for danger in dangers(path)]
    assert not found


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {path: length for path, length in lengths.items() if length > (320 if "tests" in path.parts else 300)}


def test_functions_are_short() -> None:
    lengths = {
        f"{path}: {one.name}": (one.end_lineno or 0) - one.lineno + 1
        for path in SOURCES
        if "tests" not in path.parts
        for one in nodes(path)
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert not {name: length for name, length in lengths.items() if length > 40}
