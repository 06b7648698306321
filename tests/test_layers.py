"""Who may import whom, read from the source; and what no file may do."""

import ast
from collections.abc import Iterator
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


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, those inside of functions too; `ilkit.a.b` where b is a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


@pytest.mark.parametrize("module", [name for name in MODULES if name != "ilkit"])
def test_imports_go_downward(module: str) -> None:
    for imported in imports(MODULES[module]):
        if imported.startswith("ilkit.") and imported.split(".")[1] != module.split(".")[1]:
            assert layer(imported) > layer(module), f"{module} must not import {imported}"


@pytest.mark.parametrize("room", [lambda name: name, lambda name: name.split(".")[1]], ids=["files", "rooms"])
def test_no_import_runs_in_a_circle(room) -> None:
    edges: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        if module == "ilkit":  # it names the homes of what it exports
            continue
        found = {room(one) for one in imports(path) if one in MODULES and one != "ilkit"}
        edges[room(module)] = edges.get(room(module), set()) | found - {room(module)}
    assert not circle(edges)


@pytest.mark.parametrize("module", [name for name in MODULES if name.split(".")[1:2] and name.split(".")[1] in BLOCKS])
def test_a_component_imports_no_other_component(module: str) -> None:
    components = component_modules()
    for imported in imports(MODULES[module]):
        assert imported not in components - {module}, f"{module} must not import {imported}"
        if imported.startswith("ilkit.") and imported.split(".")[1] in BLOCKS:
            assert imported.split(".")[1] == module.split(".")[1], f"{module} must not import {imported}"


@pytest.mark.parametrize("path", files("plugins"), ids=lambda path: path.name)
def test_a_plugin_imports_no_component_but_in_its_tests(path: Path) -> None:
    for imported in imports(path):
        if "tests" not in path.parts and imported.startswith("ilkit."):
            assert layer(imported) > LAYERS.index(BLOCKS), f"{path} must not import {imported}"


@pytest.mark.parametrize("module", ALGORITHMS)
def test_an_algorithm_runs_without_registry_dvc_and_yaml(module: str) -> None:
    tops = {imported.split(".")[0] for imported in imports(MODULES[module])}
    assert not tops & FORBIDDEN_IN_ALGORITHMS - ({"subprocess"} if module in STARTS_PROCESSES else set())


@pytest.mark.parametrize("path", files("ilkit", "plugins"), ids=name_of)
def test_only_one_file_imports_dvc(path: Path) -> None:
    imported = {name.split(".")[0] for name in imports(path)}
    assert "dvc" not in imported or path == ROOT / "ilkit" / "wiring" / "dvc.py"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_runs_what_it_reads(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & FORBIDDEN_ANYWHERE
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in ("eval", "exec", "compile", "os.system", "os.popen"), f"{called} in line {node.lineno}"
        for keyword in node.keywords:
            risky = keyword.arg in ("shell", "allow_pickle") and ast.unparse(keyword.value) != "False"
            assert not risky, f"{keyword.arg} in line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_are_short(path: Path) -> None:
    limit = 320 if "tests" in path.parts else 300
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", [path for path in SOURCES if "tests" not in path.parts], ids=name_of)
def test_functions_are_short(path: Path) -> None:
    functions = [
        one
        for one in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    long = {one.name: length for one in functions if (length := (one.end_lineno or 0) - one.lineno + 1) > 40}
    assert not long
